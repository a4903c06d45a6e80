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
  const said = ["10⁻⁷", "3.2 × 10⁻¹⁰", "−0.21", "0.0001", "0.123", "20,000"];
  assert.deepEqual([1e-7, 3.2e-10, -0.21, 0.0001, 0.123456, 20000].map(plain), said);
});
