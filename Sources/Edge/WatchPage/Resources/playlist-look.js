// What the page reads off playlists itself, before there is a player and while the player is silent.

const codecsOf = (line) => {
  const found = /[:,]CODECS="([^"]*)"/.exec(line);
  return found ? found[1].split(",").map((codec) => codec.trim()).filter(Boolean) : [];
};

/// The variants of a multivariant playlist, each with its address and codecs. A media playlist is its own only variant.
export function variantsOf(text, address) {
  const lines = text.split(/\r?\n/);
  if (lines.some((line) => line.startsWith("#EXTINF") || line.startsWith("#EXT-X-TARGETDURATION"))) {
    return [{ address, codecs: [] }];
  }
  const variants = [];
  let codecs = null;
  for (const line of lines) {
    if (line.startsWith("#EXT-X-STREAM-INF:")) codecs = codecsOf(line);
    else if (codecs !== null && line !== "" && !line.startsWith("#")) {
      variants.push({ address: new URL(line, address).href, codecs });
      codecs = null;
    }
  }
  return variants;
}

/// The codecs that keep a browser from playing any of the variants; none where it can play one of them.
export function lackingCodecs(variants, isSupported) {
  const lacks = variants.map(({ codecs }) => codecs.filter((codec) => !isSupported(codec)));
  return lacks.reduce((least, some) => (least === null || some.length < least.length ? some : least), null) ?? [];
}

/// A place in a stream as one number: segments, and parts of the last one in thousandths.
export const place = (segment, part) => segment + Math.max(0, part + 1) / 1000;

/// Whether a media playlist has ended, and how far it goes.
export function readMedia(text) {
  let segment = Number((/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(text) || [])[1] || 0);
  let parts = 0;
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith("#EXTINF:")) { segment += 1; parts = 0; }
    if (line.startsWith("#EXT-X-PART:")) parts += 1;
  }
  const skipped = Number((/#EXT-X-SKIP:.*SKIPPED-SEGMENTS=(\d+)/.exec(text) || [])[1] || 0);
  return { ended: /^#EXT-X-ENDLIST/m.test(text), newest: parts > 0 ? place(segment + skipped, parts - 1) : place(segment + skipped - 1, 998) };
}
