// The watch page: plays /live/{channel} with hls.js, or natively where there is no Media Source, and shows how live it is.
(() => {
  "use strict";
  const channel = location.pathname.split("/").filter(Boolean).pop() || "";
  const source = `/live/${channel}/index.m3u8`;
  const video = document.getElementById("video");
  const show = (id, text) => { document.getElementById(id).textContent = text; };
  show("channel", decodeURIComponent(channel));

  // What the page knows, also for tests and for the curious at the console.
  const numbers = window.needletail = {
    state: "starting", player: null, latency: null, buffered: 0, stalls: 0, stalledSeconds: 0, dropped: 0, frames: 0,
    rate: 1, resolution: null, openedAt: performance.now(), firstFrameAt: null, errors: [],
  };
  let hls = null;
  let retryIn = 500;
  let stalledAt = null;

  const setState = (state, text) => { numbers.state = state; show("state", text || state); };

  const retry = (reason) => {
    setState("waiting", `Waiting for the stream (${reason})`);
    setTimeout(start, retryIn);
    retryIn = Math.min(retryIn * 1.5, 5000);
  };

  async function start() {
    if (hls) { hls.destroy(); hls = null; }
    let answer;
    try { answer = await fetch(source, { cache: "no-store" }); } catch { return retry("the edge does not answer"); }
    if (!answer.ok) { return retry(answer.status === 404 ? "nobody publishes yet" : `status ${answer.status}`); }
    retryIn = 500;
    if (window.Hls && window.Hls.isSupported()) { playWithHls(); } else { playNatively(); }
  }

  function playWithHls() {
    numbers.player = `hls.js ${window.Hls.version}`;
    hls = new window.Hls({
      lowLatencyMode: true, enableWorker: false, backBufferLength: 30, maxLiveSyncPlaybackRate: 1.2,
      liveDurationInfinity: true,
    });
    hls.on(window.Hls.Events.ERROR, (_, data) => {
      numbers.errors.push(data.details);
      if (numbers.errors.length > 50) { numbers.errors.shift(); }
      if (!data.fatal) { return; }
      if (data.type === window.Hls.ErrorTypes.MEDIA_ERROR) { hls.recoverMediaError(); } else { retry(data.details); }
    });
    hls.on(window.Hls.Events.LEVEL_UPDATED, (_, data) => {
      // The stream has ended: whoever publishes next starts a new one.
      if (data.details.live === false) { setTimeout(() => retry("the stream has ended"), 3000); }
    });
    hls.loadSource(source);
    hls.attachMedia(video);
    video.play().catch(() => {});
  }

  function playNatively() {
    numbers.player = "native";
    video.src = source;
    video.play().catch(() => {});
  }

  video.addEventListener("waiting", () => {
    if (numbers.firstFrameAt === null || stalledAt !== null || video.seeking) { return; }
    stalledAt = performance.now();
    numbers.stalls += 1;
    setState("stalled", "Buffering");
  });
  video.addEventListener("playing", () => {
    if (stalledAt !== null) { numbers.stalledSeconds += (performance.now() - stalledAt) / 1000; stalledAt = null; }
    setState("playing", "Live");
  });
  video.addEventListener("error", () => { if (!hls) { retry("playback failed"); } });

  const onFrame = () => {
    if (numbers.firstFrameAt === null) { numbers.firstFrameAt = performance.now(); }
    numbers.frames += 1;
    video.requestVideoFrameCallback(onFrame);
  };
  if (video.requestVideoFrameCallback) { video.requestVideoFrameCallback(onFrame); }

  const sound = document.getElementById("sound");
  sound.addEventListener("click", () => { video.muted = false; video.play().catch(() => {}); sound.hidden = true; });
  video.addEventListener("volumechange", () => { sound.hidden = !video.muted; });

  function latency() {
    // Age of the picture on screen by its PROGRAM-DATE-TIME.
    if (hls && hls.playingDate) { return (Date.now() - hls.playingDate.getTime()) / 1000; }
    if (video.getStartDate) {
      const began = video.getStartDate().getTime();
      if (!Number.isNaN(began)) { return (Date.now() - began) / 1000 - video.currentTime; }
    }
    return hls && hls.latency ? hls.latency : null;
  }

  setInterval(() => {
    const ranges = video.buffered;
    let ahead = 0;
    for (let i = 0; i < ranges.length; i += 1) {
      if (ranges.start(i) <= video.currentTime + 0.1 && ranges.end(i) > video.currentTime) {
        ahead = ranges.end(i) - video.currentTime;
      }
    }
    const quality = video.getVideoPlaybackQuality ? video.getVideoPlaybackQuality() : null;
    numbers.latency = latency();
    numbers.buffered = ahead;
    numbers.dropped = quality ? quality.droppedVideoFrames : 0;
    numbers.rate = video.playbackRate;
    numbers.resolution = video.videoWidth ? `${video.videoWidth}×${video.videoHeight}` : null;
    const level = hls && hls.levels && hls.levels[hls.currentLevel];
    const codec = level ? [level.videoCodec, level.audioCodec].filter(Boolean).join(", ") : "";
    show("latency", numbers.latency === null ? "–" : `${numbers.latency.toFixed(2)} s`);
    show("buffer", `${ahead.toFixed(2)} s`);
    show("rendition", [numbers.resolution, codec].filter(Boolean).join(" · ") || "–");
    show("stalls", `${numbers.stalls} (${numbers.stalledSeconds.toFixed(1)} s)`);
    show("dropped", String(numbers.dropped));
    show("rate", `${numbers.rate.toFixed(2)}×`);
  }, 200);

  start();
})();
