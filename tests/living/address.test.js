import assert from "node:assert/strict";
import { test } from "node:test";

import { choice, number, read, strokes, written } from "../../book/assets/living/address.js";

const FIELDS = {
  strength: number(0.5, 0, 1),
  seed: number(0, 0, 9, { whole: true }),
  by: choice("l2", ["l1", "l2"]),
  ink: strokes(),
};
const INITIAL = { strength: 0.5, seed: 0, by: "l2", ink: [] };

test("what is written is read again, and other widgets' words stay", () => {
  const ink = [
    {
      erase: false,
      points: [
        [0, 255],
        [128, 7],
      ],
    },
    { erase: true, points: [[9, 9]] },
  ];
  const state = { strength: 1e-7, seed: 3, by: "l1", ink };
  const query = written("?other=1", FIELDS, state);
  assert.deepEqual(read(query, FIELDS), state);
  assert.equal(new URLSearchParams(query).get("other"), "1");
  assert.match(query, /^\?[\w=&.%+-]+$/);
});

test("a state at its defaults leaves the address empty", () => {
  assert.equal(written("?strength=1&seed=3", FIELDS, INITIAL), "");
});

test("a long drawing fits into an address and comes back", () => {
  const points = Array.from({ length: 1_500 }, (_, i) => [i % 256, (7 * i) % 256]);
  const query = written("", { ink: strokes() }, { ink: [{ erase: false, points }] });
  assert.ok(query.length < 8_000);
  assert.deepEqual(read(query, { ink: strokes() }).ink[0].points, points);
});

for (const query of [
  "?strength=2&seed=-1&by=l3&ink=~",
  "?strength=NaN&seed=1.5&by=&ink=AAAB",
  "?strength=&seed=%20&by=__proto__&ink=////",
  "?strength=Infinity&seed=1e99&by=L2&ink=AgABAAA",
  `?strength=0x10&seed=0b11&by=%00&ink=${"A".repeat(100_000)}`,
  "?strength=1e-1e&seed=ten&by=l2,l1&ink=AAAA",
  "?&&&==&%",
])
  test(`an absurd address falls back to the defaults: ${query.slice(0, 40)}`, () => {
    assert.deepEqual(read(query, FIELDS), INITIAL);
  });

test("a drawing of more points than a hand makes is not taken", () => {
  const query = written(
    "",
    { ink: strokes() },
    { ink: [{ erase: false, points: Array(5_000).fill([1, 1]) }] },
  );
  assert.deepEqual(read(query, { ink: strokes() }).ink, []);
});
