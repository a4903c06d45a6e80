// How many steps a second the page's training takes, on one core, technique by technique: here, and in the
// browsers that are there; compiled, and in JavaScript alone, in turn.
// node bench/living.js RESULTS [RECORD]: a build's folder of results, and a file that keeps what was found.
import { execFileSync, execSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { cpus } from "node:os";
import { Worker } from "node:worker_threads";

const ROOT = new URL("../", import.meta.url);
const LIVING = new URL("book/assets/living/", ROOT);
const [results, record] = process.argv.slice(2);
const digits = readFileSync(`${results}/training_digits.bin`).toString("base64");

/**
 * Seconds a step of one technique, the `which`th, or none if there are no more: medians of rounds in turn.
 * It runs where it is put, in a page too; alone, since code that has met many techniques is slower.
 */
async function measure(living, digits, which) {
  const [ROUNDS, STEPS] = [7, 150];
  const of = (name) => import(`${living}${name}.js`);
  const [{ parse }, { compiled, kernels }, { Sparse, Training }] = await Promise.all(
    ["files", "kernels", "training"].map(of),
  );
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const unpacked = new Blob([bytes(digits.data)]).stream().pipeThrough(new DecompressionStream("gzip"));
  const { arrays, about } = parse(await new Response(unpacked).arrayBuffer());
  const plain = { ...kernels, normals: undefined, bernoulli: undefined };
  if (!(await compiled(bytes(digits.kernels)))) throw new Error("no WebAssembly with SIMD");
  const ways = { compiled: { ...kernels }, plain };

  const [, height, width] = arrays.train_images.shape;
  const pixels = height * width;
  const part = (name) => ({
    images: new Sparse(arrays[`${name}_images`].data, pixels),
    labels: arrays[`${name}_labels`].data,
  });
  const data = { train: part("train"), validation: part("validation"), pixels, width, classes: 10 };
  const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
  if (!about.techniques[which]) return;
  const { title, name: technique, settings: hyper, loss } = about.techniques[which];
  const training = new Training(data, { technique, hyper, loss, rate: 1e-3, batch: 32, seed: 0 });
  const seconds = { compiled: [], plain: [] };
  // The first round warms up.
  for (let round = -1; round < ROUNDS; round++)
    for (const [way, its] of Object.entries(ways)) {
      Object.assign(kernels, its);
      const start = performance.now();
      for (let i = 0; i < STEPS; i++) training.advance();
      if (round >= 0) seconds[way].push((performance.now() - start) / 1000 / STEPS);
    }
  const ratio = median(seconds.plain.map((each, i) => each / seconds.compiled[i]));
  return { title, compiled: median(seconds.compiled), plain: median(seconds.plain), ratio };
}

/** The rows of all techniques, `of(which)` each. */
async function all(of) {
  const rows = [];
  for (let row = await of(0); row; row = await of(rows.length)) rows.push(row);
  return rows;
}

/** A row by node, in a thread of its own. */
function here(which) {
  const code = `const { parentPort, workerData } = require("node:worker_threads");
    (${measure})(...workerData).then((row) => parentPort.postMessage(row));`;
  const thread = new Worker(code, { eval: true, workerData: [LIVING.href, given, which] });
  return new Promise((done, fail) => thread.once("message", done).once("error", fail));
}

/** The same in a browser, which loads the modules from here. */
async function measuredIn(browser, executablePath) {
  const { default: puppeteer } = await import("puppeteer-core");
  const server = createServer((request, response) => {
    const script = request.url.endsWith(".js");
    response.setHeader("Content-Type", script ? "text/javascript" : "text/html");
    response.end(script ? readFileSync(new URL(request.url.slice(1), LIVING)) : "<!doctype html>");
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const args = browser === "chrome" ? ["--no-sandbox"] : [];
  const launched = await puppeteer.launch({ browser, executablePath, args, protocolTimeout: 1_200_000 });
  try {
    const page = await launched.newPage();
    const address = `http://127.0.0.1:${server.address().port}/`;
    const rows = await all(async (which) => {
      await page.goto(address); // anew
      return page.evaluate(measure, address, given, which);
    });
    return { version: await launched.version(), rows };
  } finally {
    await launched.close();
    server.close();
  }
}

function found(...names) {
  for (const name of names)
    try {
      return execFileSync("which", [name], { encoding: "utf-8" }).trim();
    } catch {} // not this one
  return undefined;
}

const given = { data: digits, kernels: readFileSync(new URL("kernels.wasm", LIVING)).toString("base64") };
const engines = [{ version: `Node.js/${process.versions.node}`, rows: await all(here) }];
for (const [browser, ...names] of [
  ["chrome", "chromium", "google-chrome"],
  ["firefox", "firefox-esr", "firefox"],
]) {
  const path = found(...names);
  if (path) engines.push(await measuredIn(browser, path));
  else console.log(`${names[0]} is not here, so it was not timed.`);
}
for (const { version, rows } of engines) {
  console.log(`\n${version}: steps a second in batches of 32, and how many times those of JavaScript alone`);
  for (const { title, compiled, ratio } of rows) {
    const perSecond = Math.round(1 / compiled).toLocaleString("en");
    console.log(`${title.padEnd(34)} ${perSecond.padStart(7)} ${ratio.toFixed(2).padStart(6)}`);
  }
}
if (record) {
  const git = (words) => execSync(`git ${words}`, { cwd: ROOT, encoding: "utf-8" }).trim();
  // The record of the loop, made just before, is no change of what is timed.
  const changed = git("status --porcelain -uno -- . ':!bench/results'");
  const commit = git("rev-parse --short HEAD") + (changed ? "+" : "");
  const kept = { date: new Date().toISOString().slice(0, 10), commit, processor: cpus()[0].model, engines };
  writeFileSync(record, `${JSON.stringify(kept, null, 1)}\n`);
  console.log(`\nThe record is ${record}`);
}
