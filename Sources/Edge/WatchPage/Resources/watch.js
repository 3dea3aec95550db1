// The watch page: plays /live/{channel} with hls.js, or natively where there is no Media Source. What happens goes to the
// player's state as events, what it decides is done here, and what it shows is put into the document.

import { PlayerState } from "./player-state.js";
import { lackingCodecs, place, readMedia, variantsOf } from "./playlist-look.js";
import { choose, codecName, say } from "./words.js";

const channel = location.pathname.split("/").filter(Boolean).pop() || "";
const source = new URL(`/live/${channel}/index.m3u8`, location.href).href;
const language = choose([new URLSearchParams(location.search).get("lang"), ...navigator.languages]);
const element = (id) => document.getElementById(id);
const video = element("video");
const Hls = window.Hls;
const playsWithHls = Boolean(Hls && Hls.isSupported());

// What the page knows, also for tests and for the curious at the console.
const numbers = window.needletail = {
  state: "starting", shown: "loading", player: null, latency: null, target: null, behindEdge: null, buffered: 0, stalls: 0,
  stalledSeconds: 0, dropped: 0, frames: 0, asked: 0, jumps: 0, opened: 0, rate: 1, resolution: null, openedAt: performance.now(),
  firstFrameAt: null, errors: [],
};
const state = new PlayerState(Math.random);
let hls = null;
let stalledAt = null;

function tell(event) {
  for (const effect of state.receive(event, performance.now() / 1000)) perform(effect);
  render();
}

function perform(effect) {
  switch (effect.do) {
    case "ask": numbers.asked += 1; ask(); break;
    case "open": open(); break;
    case "close": close(); break;
    case "recover": hls.recoverMediaError(); play(); break;
    case "jump": numbers.jumps += 1; video.currentTime = effect.to; break;
    case "rate": video.playbackRate = effect.to; break;
    case "play": play(); break;
    case "pause": video.pause(); break;
    case "announce": element("announcement").textContent = words(effect.state); break;
  }
}

// --- Is there a broadcast? --------------------------------------------------------------------------------------------

const fetchText = (address) => fetch(address, { cache: "no-store", signal: AbortSignal.timeout(8000) });

async function ask() {
  let answer;
  try { answer = await look(); } catch { answer = { is: "silent" }; }
  tell({ type: "answer", ...answer });
}

async function look() {
  const index = await fetchText(source);
  if (!index.ok) return refusal(index);
  const variants = variantsOf(await index.text(), index.url);
  if (variants.length === 0) return { is: "silent" };
  const media = await fetchText(variants[0].address);
  if (!media.ok) return refusal(media);
  const { ended, newest } = readMedia(await media.text());
  return ended ? { is: "ended" } : { is: "live", lacks: lackingCodecs(variants, canPlay), newest };
}

/// A node of ours says whether the channel exists; of another server's 404 the page hopes for the best.
async function refusal(answer) {
  if (answer.status !== 404 && answer.status !== 410) return { is: "silent" };
  const problem = await answer.json().catch(() => null);
  return { is: problem && problem.type === "urn:needletail:problem:not-found" ? "unknown" : "notLive" };
}

function canPlay(codec) {
  const type = `video/mp4; codecs="${codec}"`;
  const MediaSource = window.ManagedMediaSource || window.MediaSource;
  return playsWithHls ? MediaSource.isTypeSupported(type) : video.canPlayType(type) !== "";
}

// --- The player -------------------------------------------------------------------------------------------------------

function close() {
  if (hls) hls.destroy();
  hls = null;
}

function open() {
  close();
  numbers.opened += 1;
  if (playsWithHls) playWithHls();
  else playNatively();
  play();
}

function play() {
  video.play().catch((error) => { if (error.name === "NotAllowedError") tell({ type: "blocked" }); });
}

function playNatively() {
  numbers.player = "native";
  video.src = source;
}

function playWithHls() {
  numbers.player = `hls.js ${Hls.version}`;
  hls = new Hls({
    lowLatencyMode: true, enableWorker: false, backBufferLength: 30, liveDurationInfinity: true,
    // The page itself keeps the distance from live.
    maxLiveSyncPlaybackRate: 1, liveSyncOnStallIncrease: 0,
  });
  hls.on(Hls.Events.ERROR, (_, data) => failed(data));
  hls.on(Hls.Events.LEVEL_UPDATED, (_, { details }) => tell({ type: "playlist", ...readDetails(details) }));
  // A part with GAP=YES cannot be fetched, and hls.js 1.6.13 asks for it over and over, a core busy, until long after
  // the media is back. Taken for loaded, it is passed over.
  for (const event of [Hls.Events.LEVEL_UPDATED, Hls.Events.AUDIO_TRACK_UPDATED]) {
    hls.on(event, (_, data) => {
      for (const part of data.details.partList || []) {
        if (part.gap && !part.loaded) part.elementaryStreams.audiovideo = { startPTS: part.start, endPTS: part.end };
      }
    });
  }
  hls.loadSource(source);
  hls.attachMedia(video);
}

function readDetails(details) {
  const last = details.partList && details.partList.length > 0 ? details.partList.at(-1) : details.fragments.at(-1);
  const hasOpenSegment = details.lastPartSn > details.endSN;
  return {
    ended: details.live === false, gapAtEdge: Boolean(last && last.gap), targetDuration: details.targetduration,
    newest: hasOpenSegment ? place(details.lastPartSn, details.lastPartIndex) : place(details.endSN, 998),
  };
}

function failed(data) {
  numbers.errors.push(data.details);
  if (numbers.errors.length > 50) numbers.errors.shift();
  const { NETWORK_ERROR, MEDIA_ERROR } = Hls.ErrorTypes;
  const isCodec = ["manifestIncompatibleCodecsError", "bufferIncompatibleCodecsError", "bufferAddCodecError"].includes(data.details);
  if (isCodec) tell({ type: "fault", kind: "codec", isFatal: true, codec: codecOf(data) });
  else if (data.type === NETWORK_ERROR) tell({ type: "fault", kind: "network", isFatal: data.fatal });
  else if (data.fatal) tell({ type: "fault", kind: data.type === MEDIA_ERROR ? "media" : "other", isFatal: true });
}

function codecOf(data) {
  const found = /codecs="?([^",]+)/i.exec(`${data.mimeType || ""} ${data.reason || ""}`);
  const level = hls && hls.levels && hls.levels[0];
  return found ? found[1] : (level && level.videoCodec) || null;
}

/// The player as it is now.
function sample() {
  const details = hls && hls.latestLevelDetails;
  const ranges = [...Array(video.buffered.length).keys()].map((index) => [video.buffered.start(index), video.buffered.end(index)]);
  const known = { time: video.currentTime, isPaused: video.paused, isSeeking: video.seeking, isStarved: video.readyState < 3, rate: video.playbackRate, ranges };
  if (details && details.fragments.length > 0) {
    return {
      ...known, listed: details.edge, edge: details.edge + details.age, start: details.fragmentStart, part: details.partTarget || details.targetduration,
      holdBack: details.partHoldBack || details.holdBack || 3 * details.targetduration,
    };
  }
  const { seekable } = video;
  return hls || seekable.length === 0 ? { ...known, edge: null } : { ...known, edge: seekable.end(seekable.length - 1), start: seekable.start(0), holdBack: 6, part: 1 };
}

const tick = () => tell({ type: "tick", sample: numbers.opened > 0 ? sample() : null });

video.addEventListener("timeupdate", tick);
video.addEventListener("seeking", () => tell({ type: "seek", to: video.currentTime }));
document.addEventListener("visibilitychange", tick);
video.addEventListener("waiting", () => {
  if (numbers.firstFrameAt === null || stalledAt !== null || video.seeking) return;
  stalledAt = performance.now();
  numbers.stalls += 1;
  tell({ type: "stall" });
});
video.addEventListener("playing", () => {
  if (stalledAt !== null) numbers.stalledSeconds += (performance.now() - stalledAt) / 1000;
  stalledAt = null;
});
video.addEventListener("error", () => {
  if (hls || !video.error) return;
  const { MEDIA_ERR_NETWORK, MEDIA_ERR_SRC_NOT_SUPPORTED } = MediaError;
  const isCodec = video.error.code === MEDIA_ERR_SRC_NOT_SUPPORTED && numbers.frames === 0;
  tell({ type: "fault", kind: isCodec ? "codec" : video.error.code === MEDIA_ERR_NETWORK ? "network" : "other", isFatal: true });
});

// --- What is shown ----------------------------------------------------------------------------------------------------

/// These are said on the picture: there is nothing to see, or it stands.
const saidOnPicture = new Set([
  "not_started", "blocked", "buffering", "interrupted", "network", "ended", "not_found", "unsupported", "no_player",
]);
const buttons = { blocked: "blocked", network: "retry", no_player: "retry" };

function words(key) {
  const { behind, codec } = state.view;
  const text = say(key, language, { n: behind, codec: codec ? codecName(codec) : "HLS" });
  return key === "paused" && behind !== null ? `${text} · ${say("behind", language, { n: behind })}` : text;
}

const write = (target, text) => { if (target.textContent !== text) target.textContent = text; };

function render() {
  const { view } = state;
  numbers.shown = view.state;
  numbers.state = view.isMoving ? "playing" : view.state;
  numbers.target = state.distance.target(performance.now() / 1000);
  numbers.behindEdge = state.distance.seconds;
  const said = words(view.state);
  for (const target of [element("player"), element("state")]) target.dataset.state = view.state;
  write(element("state"), said);
  write(element("notice-text"), view.state === "blocked" ? "" : said);
  element("notice").hidden = !saidOnPicture.has(view.state);
  const button = buttons[view.state];
  element("act").hidden = !button;
  if (button) write(element("act"), say(button, language));
  element("go-live").hidden = !view.canGoLive;
}

function bufferedAhead() {
  const { currentTime, buffered } = video;
  for (let i = 0; i < buffered.length; i += 1) {
    if (buffered.start(i) <= currentTime + 0.1 && buffered.end(i) > currentTime) return buffered.end(i) - currentTime;
  }
  return 0;
}

/// Age of the picture on screen by its PROGRAM-DATE-TIME.
function latency() {
  if (hls && hls.playingDate) return (Date.now() - hls.playingDate.getTime()) / 1000;
  if (video.getStartDate) {
    const began = video.getStartDate().getTime();
    if (!Number.isNaN(began)) return (Date.now() - began) / 1000 - video.currentTime;
  }
  return hls && hls.latency ? hls.latency : null;
}

function renderNumbers() {
  const quality = video.getVideoPlaybackQuality ? video.getVideoPlaybackQuality() : null;
  numbers.latency = latency();
  numbers.buffered = bufferedAhead();
  numbers.dropped = quality ? quality.droppedVideoFrames : 0;
  numbers.rate = video.playbackRate;
  numbers.resolution = video.videoWidth ? `${video.videoWidth}×${video.videoHeight}` : null;
  const level = hls && hls.levels && hls.levels[hls.currentLevel];
  const codec = level ? [level.videoCodec, level.audioCodec].filter(Boolean).join(", ") : "";
  // Nothing is live any more after the end, nor has it an age.
  const hasLatency = numbers.latency !== null && state.isOpen;
  write(element("latency"), hasLatency ? `${numbers.latency.toFixed(2)} s` : "–");
  write(element("buffer"), `${numbers.buffered.toFixed(2)} s`);
  write(element("rendition"), [numbers.resolution, codec].filter(Boolean).join(" · ") || "–");
  write(element("stalls"), `${numbers.stalls} (${numbers.stalledSeconds.toFixed(1)} s)`);
  write(element("dropped"), String(numbers.dropped));
  write(element("rate"), `${numbers.rate.toFixed(2)}×`);
}

// --- The start --------------------------------------------------------------------------------------------------------

function channelName() {
  try { return decodeURIComponent(channel); } catch { return channel; }
}

const onFrame = () => {
  numbers.firstFrameAt ??= performance.now();
  numbers.frames += 1;
  video.requestVideoFrameCallback(onFrame);
};
if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(onFrame);

document.documentElement.lang = language;
for (const label of document.querySelectorAll("[data-words]")) label.textContent = say(label.dataset.words, language);
write(element("sound"), say("unmute", language));
write(element("go-live"), say("go_live", language));
write(element("channel"), channelName());
element("sound").hidden = !video.muted;
element("sound").addEventListener("click", () => { video.muted = false; play(); });
video.addEventListener("volumechange", () => { element("sound").hidden = !video.muted; });
element("go-live").addEventListener("click", () => tell({ type: "goLive" }));
element("act").addEventListener("click", () => {
  if (state.view.state === "no_player") location.reload();
  else tell({ type: state.view.state === "blocked" ? "tap" : "retry" });
});

if (playsWithHls || video.canPlayType("application/vnd.apple.mpegurl")) tell({ type: "begin" });
else tell({ type: "noPlayer" });
setInterval(() => { tick(); renderNumbers(); }, 200);
