// MNIST's own images, brought into MNIST's form, are MNIST's images.
import assert from "node:assert/strict";
import { test } from "node:test";

import { FINE, likeData, rasterize } from "../../book/assets/living/drawing.js";
import { read } from "./reading.js";

const {
  arrays: { images },
  about: { form },
} = read(process.env.REFERENCE);
const [count, side] = images.shape;
const pixels = side * side;
const ways = {
  "as they are": (image) => likeData(image, side, side, form),
  "by way of the board": (image) => likeData(rasterize([], side, image), side * FINE, side, form),
  "from another place on a larger board": (image) => likeData(placed(image, 45, 3, 11), 45, side, form),
};

function placed(image, size, down, right) {
  const grid = new Float32Array(size * size);
  image.forEach((ink, i) => (grid[(Math.floor(i / side) + down) * size + (i % side) + right] = ink));
  return grid;
}

for (const [name, way] of Object.entries(ways))
  test(`MNIST's images come back, ${name}`, () => {
    let off = 0;
    for (let n = 0; n < count; n++) {
      const image = Float32Array.from(
        images.data.subarray(n * pixels, (n + 1) * pixels),
        (level) => level / 255,
      );
      way(image).forEach((ink, i) => (off += 255 * Math.abs(ink - image[i])));
    }
    assert.ok(off / count / pixels < 0.05, `levels off by ${off / count / pixels} on average`);
  });
