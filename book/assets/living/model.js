// The model at test time: one layer, no bias, a softmax. Weights are [classes, pixels] in a row.

/** The evidence in each pixel for one class: weight times ink. Its sum is the class's logit. */
export function evidence(weights, pixels, label) {
  const from = label * pixels.length;
  return Float32Array.from(pixels, (ink, pixel) => ink * weights[from + pixel]);
}

/** The logits of an image with pixels on [0, 1]. */
export function logits(weights, pixels) {
  const found = new Float64Array(weights.length / pixels.length);
  for (let label = 0, place = 0; label < found.length; label++)
    for (let pixel = 0; pixel < pixels.length; pixel++) found[label] += weights[place++] * pixels[pixel];
  return found;
}

export function softmax(values) {
  const top = Math.max(...values);
  const sizes = Array.from(values, (value) => Math.exp(value - top));
  const sum = sizes.reduce((a, b) => a + b);
  return sizes.map((size) => size / sum);
}

/** The place of the largest value, the first of equals. */
export const largest = (values) => values.indexOf(Math.max(...values));

/** The correlation of each pixel with its right and lower neighbours, over all images: 1 is a plane. */
export function smoothness(images, [height, width]) {
  let [n, a, b, aa, bb, ab] = [0, 0, 0, 0, 0, 0];
  const pair = (x, y) => {
    n++;
    a += x;
    b += y;
    aa += x * x;
    bb += y * y;
    ab += x * y;
  };
  for (let i = 0; i < images.length; i++) {
    const pixel = i % (height * width);
    if (pixel % width < width - 1) pair(images[i], images[i + 1]);
    if (pixel < width * (height - 1)) pair(images[i], images[i + width]);
  }
  const spread = Math.sqrt((n * aa - a * a) * (n * bb - b * b));
  return spread > 0 ? (n * ab - a * b) / spread : 0;
}
