// Everything that the page says, in each language. {n} and {codec} are put in.

const texts = {
  loading: { ko: "불러오고 있어요", en: "Loading" },
  not_started: { ko: "방송이 아직 시작되지 않았어요", en: "The broadcast has not started yet" },
  blocked: { ko: "눌러서 보기", en: "Tap to watch" },
  live: { ko: "실시간", en: "Live" },
  behind: { ko: "실시간보다 {n}초 늦어요", en: "{n} s behind live" },
  paused: { ko: "일시정지", en: "Paused" },
  buffering: { ko: "불러오는 중", en: "Buffering" },
  interrupted: { ko: "방송이 잠시 끊겼어요. 곧 이어져요", en: "The broadcaster lost connection. Back soon" },
  network: { ko: "네트워크가 불안정해요. 다시 연결하고 있어요", en: "Your network is unstable. Trying again" },
  ended: { ko: "방송이 끝났어요", en: "The broadcast has ended" },
  not_found: { ko: "없는 채널이에요", en: "There is no such channel" },
  unsupported: { ko: "이 브라우저는 {codec}을(를) 재생하지 못해요", en: "This browser cannot play {codec}" },
  no_player: { ko: "플레이어를 불러오지 못했어요", en: "The player could not be loaded" },
  go_live: { ko: "실시간으로", en: "Go live" },
  retry: { ko: "다시 시도", en: "Retry" },
  unmute: { ko: "소리 켜기", en: "Unmute" },
  latency: { ko: "지연", en: "Live latency" },
  buffer: { ko: "버퍼", en: "Buffer" },
  rendition: { ko: "화질", en: "Rendition" },
  stalls: { ko: "끊김", en: "Stalls" },
  dropped: { ko: "빠진 프레임", en: "Dropped frames" },
  rate: { ko: "재생 속도", en: "Playback rate" },
};

export const keys = Object.keys(texts);
export const languages = ["en", "ko"];

/// The first of the wanted languages (BCP 47) that there are words in.
export function choose(wanted) {
  const primary = wanted.filter(Boolean).map((tag) => tag.toLowerCase().split("-")[0]);
  return primary.find((tag) => languages.includes(tag)) ?? "en";
}

/// The words for `key`, with `values` put in.
export function say(key, language, values = {}) {
  return texts[key][language].replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

const names = [
  [/^avc[13]/, "H.264"], [/^(hvc1|hev1)/, "HEVC (H.265)"], [/^av01/, "AV1"], [/^vp0?9/, "VP9"], [/^dv(h1|he|a1|av)/, "Dolby Vision"],
  [/^mp4a\.a5|^ac-3/i, "AC-3"], [/^mp4a\.a6|^ec-3/i, "E-AC-3"], [/^mp4a\.(69|6b|40\.34)/i, "MP3"], [/^mp4a/, "AAC"],
  [/^opus/i, "Opus"], [/^flac/i, "FLAC"],
];

/// What people call a codec (RFC 6381).
export const codecName = (codec) => (names.find(([pattern]) => pattern.test(codec)) ?? [null, codec])[1];
