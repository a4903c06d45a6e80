// Reads what regularization.web writes: named arrays and words about them, safetensors in gzip.

const KINDS = { F32: Float32Array, U8: Uint8Array, I8: Int8Array };

/** The address of a file of this build's results. */
export const result = (name) => new URL(`../../files/results/${name}`, import.meta.url);

/** Load a file; resolves to {arrays: {name: {data, shape}}, about}, or throws one clear Error. */
export async function load(url) {
  const name = String(url).split("/").pop();
  const fail = (what) =>
    new Error(
      `${name} ${what}. Expected the file that this page's build wrote. Load the page again, or build the book anew.`,
    );
  let packed;
  try {
    packed = await fetch(url);
  } catch {
    throw fail("could not be loaded: there is no connection");
  }
  if (!packed.ok) throw fail(`could not be loaded: the server answered ${packed.status}`);
  try {
    const unpacked = packed.body.pipeThrough(new DecompressionStream("gzip"));
    return parse(await new Response(unpacked).arrayBuffer());
  } catch (error) {
    throw fail(`is damaged (${error.message || error})`);
  }
}

/** Parse safetensors: the header's length, the header, the arrays' bytes. */
export function parse(buffer) {
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const { __metadata__: words, ...entries } = header;
  const arrays = {};
  for (const [
    name,
    {
      dtype,
      shape,
      data_offsets: [from, to],
    },
  ] of Object.entries(entries)) {
    const data = new KINDS[dtype](buffer.slice(8 + length + from, 8 + length + to));
    if (data.length !== shape.reduce((a, b) => a * b, 1)) throw new Error(`${name} is cut off`);
    arrays[name] = { data, shape };
  }
  return { arrays, about: JSON.parse(words.about) };
}
