/* A step as fast as we can write it: the floor under what the loop takes, for one model on one core.

   The post's step (a batch gathered, the product, the softmax, its squared error's gradient, Adam)
   in the order that a processor likes. A tile of images by outputs stays in registers while all
   pixels pass; the gradient of a few pixels is summed in registers and handed to Adam there; and
   while it is, the next batch comes from memory. Vectors are the compiler's own, so it is C on any
   processor.

   What the work is, stands in peers.py, which compiles this: BATCH, CLASSES and PIXELS, what
   BRIGHTEST is, and Adam's RATE, BETA_1, BETA_2 and EPSILON. */

#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__)
#define LANES 16 /* numbers in a vector */
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif
#define ACROSS 4 /* a tile: so many images */
#define DOWN 5   /* by so many outputs */
_Static_assert(BATCH % ACROSS == 0 && CLASSES % DOWN == 0 && PIXELS % 32 == 0, "whole tiles");

typedef float vector __attribute__((vector_size(4 * LANES)));
typedef float rows[CLASSES][PIXELS] __attribute__((aligned(64)));
typedef float columns[CLASSES][BATCH] __attribute__((aligned(64)));

static vector get(const float *from) {
  vector value;
  memcpy(&value, from, sizeof value);
  return value;
}

static void put(float *to, vector value) { memcpy(to, &value, sizeof value); }

static float sum(vector value) {
  float all = 0;
  for (int lane = 0; lane < LANES; lane++) all += value[lane];
  return all;
}

static vector root(vector value) {
  for (int lane = 0; lane < LANES; lane++) value[lane] = sqrtf(value[lane]);
  return value;
}

/* Make each image's outputs z into the gradient of the loss along them. */
static void error_of(columns z, const int32_t *labels, const int32_t *order) {
  columns p;
  float top[BATCH], all[BATCH] = {0}, mean[BATCH] = {0};
  memcpy(top, z[0], sizeof top);
  for (int c = 1; c < CLASSES; c++)
    for (int b = 0; b < BATCH; b++) top[b] = fmaxf(top[b], z[c][b]);
  for (int c = 0; c < CLASSES; c++)
    for (int b = 0; b < BATCH; b++) all[b] += p[c][b] = expf((z[c][b] - top[b]) / BRIGHTEST);
  for (int c = 0; c < CLASSES; c++)
    for (int b = 0; b < BATCH; b++) {
      p[c][b] /= all[b];
      z[c][b] = p[c][b] * (p[c][b] - (c == labels[order[b]]));
      mean[b] += z[c][b];
    }
  for (int c = 0; c < CLASSES; c++)
    for (int b = 0; b < BATCH; b++)
      z[c][b] = (z[c][b] - p[c][b] * mean[b]) / (BRIGHTEST * BATCH * CLASSES);
}

/* Take `steps` steps, of BATCH images each, after the `taken` before; the state is w, m and v. */
void train(const uint8_t *images, const int32_t *labels, const int32_t *order, int steps, int taken,
           float *state) {
  static rows w, m, v;
  static float x[BATCH][PIXELS] __attribute__((aligned(64)));
  static columns z;
  float *parts[] = {w[0], m[0], v[0]};
  for (int i = 0; i < 3; i++) memcpy(parts[i], state + i * CLASSES * PIXELS, sizeof w);
  for (int step = 0; step < steps; step++, order += BATCH) {
    for (int b = 0; b < BATCH; b++) {
      const uint8_t *image = images + (long)order[b] * PIXELS;
      for (int p = 0; p < PIXELS; p++) x[b][p] = image[p];
    }
    for (int first = 0; first < CLASSES; first += DOWN)
      for (int b = 0; b < BATCH; b += ACROSS) {
        vector tile[DOWN][ACROSS] = {0};
        for (int p = 0; p < PIXELS; p += LANES)
          for (int c = 0; c < DOWN; c++) {
            vector weights = get(w[first + c] + p);
            for (int i = 0; i < ACROSS; i++) tile[c][i] += weights * get(x[b + i] + p);
          }
        for (int c = 0; c < DOWN; c++)
          for (int i = 0; i < ACROSS; i++) z[first + c][b + i] = sum(tile[c][i]);
      }
    error_of(z, labels, order);
    const float t = taken + step + 1;
    const float rate = RATE * sqrtf(1 - powf(BETA_2, t)) / (1 - powf(BETA_1, t));
    const int ahead = step + 1 < steps ? BATCH : 0;
    for (int p = 0; p < PIXELS; p += 2 * LANES) {
      vector gradient[2][CLASSES] = {0};
      for (int b = 0; b < BATCH; b++) {
        __builtin_prefetch(images + (long)order[ahead + b] * PIXELS + p);
        vector here = get(x[b] + p), there = get(x[b] + p + LANES);
        for (int c = 0; c < CLASSES; c++) {
          gradient[0][c] += here * z[c][b];
          gradient[1][c] += there * z[c][b];
        }
      }
      for (int c = 0; c < CLASSES; c++)
        for (int i = 0; i < 2; i++) {
          const int at = p + i * LANES;
          const vector g = gradient[i][c];
          const vector first = get(m[c] + at) * BETA_1 + g * (1 - BETA_1);
          const vector second = get(v[c] + at) * BETA_2 + g * g * (1 - BETA_2);
          put(m[c] + at, first);
          put(v[c] + at, second);
          put(w[c] + at, get(w[c] + at) - rate * first / (root(second) + EPSILON));
        }
    }
  }
  for (int i = 0; i < 3; i++) memcpy(state + i * CLASSES * PIXELS, parts[i], sizeof w);
}
