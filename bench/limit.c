/* A step as fast as we can write it: the floor under what the loop takes, for one model on one core.

   The post's step (a batch gathered, the product, the softmax, its squared error's gradient, Adam)
   in the order that a processor likes: images stay bytes, which the nearest cache holds, and each
   of the two products reads them once; the gradient of a few pixels is summed in registers and
   handed to Adam there. Vectors are the compiler's own, so it is C on any processor.

   What the work is, stands in peers.py, which compiles this: BATCH, CLASSES and PIXELS, a multiple
   of LANES, the numbers in a vector; and Adam's RATE, BETA_1, BETA_2 and EPSILON. */

#include <math.h>
#include <stdint.h>

typedef float vector __attribute__((vector_size(4 * LANES)));
typedef uint8_t pixels __attribute__((vector_size(LANES)));
typedef int32_t whole __attribute__((vector_size(4 * LANES)));

static vector ink(const uint8_t *image) {
  pixels bytes;
  __builtin_memcpy(&bytes, image, LANES);
  return __builtin_convertvector(__builtin_convertvector(bytes, whole), vector);
}

static vector get(const float *from) {
  vector value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}

static void put(float *to, vector value) { __builtin_memcpy(to, &value, sizeof value); }

static float sum(vector value) {
  float all = 0;
  for (int lane = 0; lane < LANES; lane++) all += value[lane];
  return all;
}

static vector root(vector value) {
  for (int lane = 0; lane < LANES; lane++) value[lane] = sqrtf(value[lane]);
  return value;
}

/* Take `steps` steps, of BATCH images each, after the `taken` before; the state is w, m and v,
   [CLASSES, PIXELS] each. */
void train(const uint8_t *images, const int32_t *labels, const int32_t *order, int steps, int taken,
           float *w, float *m, float *v) {
  float error[BATCH][CLASSES];
  for (int step = 0; step < steps; step++, order += BATCH) {
    for (int b = 0; b < BATCH; b++) {
      const uint8_t *x = images + (long)order[b] * PIXELS;
      if (step + 1 < steps)
        for (int line = 0; line < PIXELS; line += 64)
          __builtin_prefetch(images + (long)order[BATCH + b] * PIXELS + line);
      vector z[CLASSES] = {0};
      for (int p = 0; p < PIXELS; p += LANES) {
        vector here = ink(x + p);
        for (int c = 0; c < CLASSES; c++) z[c] += here * get(w + c * PIXELS + p);
      }
      for (int c = 0; c < CLASSES; c++) error[b][c] = sum(z[c]) * (1.f / 255);
    }
    for (int b = 0; b < BATCH; b++) {
      float e[CLASSES], all = 0, mean = 0, top = error[b][0];
      for (int c = 1; c < CLASSES; c++) top = fmaxf(top, error[b][c]);
      for (int c = 0; c < CLASSES; c++) all += e[c] = expf(error[b][c] - top);
      for (int c = 0; c < CLASSES; c++) {
        e[c] /= all;
        error[b][c] = e[c] * (e[c] - (c == labels[order[b]]));
        mean += error[b][c];
      }
      for (int c = 0; c < CLASSES; c++)
        error[b][c] = (error[b][c] - e[c] * mean) / (255.f * BATCH * CLASSES);
    }
    const float t = taken + step + 1;
    const float now = RATE * sqrtf(1 - powf(BETA_2, t)) / (1 - powf(BETA_1, t));
    for (int p = 0; p < PIXELS; p += LANES) {
      vector gradient[CLASSES] = {0};
      for (int b = 0; b < BATCH; b++) {
        vector here = ink(images + (long)order[b] * PIXELS + p);
        for (int c = 0; c < CLASSES; c++) gradient[c] += here * error[b][c];
      }
      for (int c = 0; c < CLASSES; c++) {
        const long at = (long)c * PIXELS + p;
        vector first = get(m + at) * BETA_1 + gradient[c] * (1 - BETA_1);
        vector second = get(v + at) * BETA_2 + gradient[c] * gradient[c] * (1 - BETA_2);
        put(m + at, first);
        put(v + at, second);
        put(w + at, get(w + at) - now * first / (root(second) + EPSILON));
      }
    }
  }
}
