// Transcripts: packed in blocks, unpacked when one is opened or all are searched.

const HELD_BLOCKS = 4;
const HELD_CHARACTERS = 48e6;

const transcripts = (() => {
  const held = new Map();
  const lowered = new Map();
  let characters = 0;

  async function unpack(id) {
    const packed = atob(document.getElementById(id).textContent);
    const raw = new Uint8Array(packed.length);
    for (let n = 0; n < packed.length; n += 1) raw[n] = packed.charCodeAt(n);
    return new Response(new Blob([raw]).stream().pipeThrough(new DecompressionStream("deflate"))).text();
  }

  // The text of a block; the last few stay at hand.
  function block(id) {
    const text = held.get(id) || unpack(id);
    held.delete(id);
    held.set(id, text);
    if (held.size > HELD_BLOCKS) held.delete(held.keys().next().value);
    return text;
  }

  const blockOf = (row) => `${row.outcome === "failed" || row.outcome === "error" ? "a" : "b"}${row.block}`;
  const has = (row) => row.block >= 0 && document.getElementById(blockOf(row)) !== null;

  async function of(row) {
    if (!has(row)) return null;
    const line = (await block(blockOf(row))).split("\n").find((text) => text.startsWith(`{"index":${row.index},`));
    return line === undefined ? null : JSON.parse(line);
  }

  function words(full) {
    const said = full.messages.flatMap((message) => [textOf(message.content), ...(message.tool_calls || []).flatMap((call) => [call.name, JSON.stringify(call.arguments)])]);
    const checked = full.checks.flatMap((check) => [check.type, check.id, check.reason, check.message, ...(check.evidence || []).map((span) => span.note), ...(check.calls || []).map((call) => call.reply)]);
    return [full.reason, full.key, ...said, ...checked].filter(Boolean).join("\n").toLowerCase();
  }

  // What can be searched in a block: pairs of a case's index and its words in lower case.
  async function searchable(id) {
    if (lowered.has(id)) return lowered.get(id);
    const lines = (await unpack(id)).split("\n");
    const found = lines.filter(Boolean).map((line) => {
      const full = JSON.parse(line);
      return [full.index, words(full)];
    });
    const size = found.reduce((sum, [, text]) => sum + text.length, 0);
    if (characters + size <= HELD_CHARACTERS) {
      characters += size;
      lowered.set(id, found);
    }
    return found;
  }

  const blocks = () => [...document.querySelectorAll("script[type='text/plain']")].map((node) => node.id);

  return { of, has, searchable, blocks };
})();
