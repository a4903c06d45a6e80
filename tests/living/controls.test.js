import assert from "node:assert/strict";
import { test } from "node:test";

import { fixed, plain } from "../../book/assets/living/controls.js";

test("a minus is one, and no zero has a sign", () => {
  assert.deepEqual(
    [-0.004, 0.004, -0.6, 0.6].map((each) => fixed(each, 2, "+")),
    ["0.00", "0.00", "−0.60", "+0.60"],
  );
  assert.equal(fixed(0.876), "0.88");
});

test("settings are written as in the book", () => {
  assert.deepEqual([1e-7, 0.0001, 0.123456, 20000].map(plain), ["1e-07", "0.0001", "0.123", "20,000"]);
});
