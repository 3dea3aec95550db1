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
    state: "starting", player: null, latency: null, target: null, behindEdge: null, buffered: 0, stalls: 0, stalledSeconds: 0, dropped: 0, frames: 0,
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
      liveDurationInfinity: true, liveSyncOnStallIncrease: 0.25,
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
    hls.on(window.Hls.Events.LEVEL_UPDATED, () => {
      // hls.js plays faster only with more than a second buffered. With short parts the hold-back is less than that, and
      // a late start would stay late for ever: there the page steers.
      hls.config.maxLiveSyncPlaybackRate = steers() ? 1 : 1.2;
    });
    // A part with GAP=YES cannot be fetched, and hls.js 1.6.13 asks for it over and over, a core busy, until long after
    // the media is back. Taken for loaded, it is passed over.
    for (const event of [window.Hls.Events.LEVEL_UPDATED, window.Hls.Events.AUDIO_TRACK_UPDATED]) {
      hls.on(event, (_, data) => {
        for (const part of data.details.partList || []) {
          if (part.gap && !part.loaded) { part.elementaryStreams.audiovideo = { startPTS: part.start, endPTS: part.end }; }
        }
      });
    }
    hls.loadSource(source);
    hls.attachMedia(video);
    video.play().catch(() => {});
  }

  const steers = () => hls !== null && hls.targetLatency !== null && hls.targetLatency < 1.5;

  // A little faster while the picture is later than the hold-back asks, a little slower while it is nearer than that.
  function steer() {
    if (!steers() || video.paused || video.seeking) { return; }
    const late = hls.latency - hls.targetLatency;
    const wasSteering = video.playbackRate !== 1;
    let rate = 1;
    if (late > (wasSteering ? 0.01 : 0.05) && bufferedAhead() > 0.3) { rate = late > 0.2 ? 1.1 : 1.04; }
    if (late < (wasSteering ? -0.02 : -0.1)) { rate = 0.96; }
    if (video.playbackRate !== rate) { video.playbackRate = rate; }
  }
  video.addEventListener("timeupdate", steer);

  // A stall while joining says nothing about the network, yet hls.js keeps more distance after each: once it plays, the
  // distance is the stream's own again.
  function forgiveTheJoin() {
    const details = hls && hls.latestLevelDetails;
    const holdBack = details && details.partHoldBack;
    if (holdBack && hls.targetLatency > holdBack) { hls.targetLatency = holdBack; }
  }

  function bufferedAhead() {
    const ranges = video.buffered;
    for (let i = 0; i < ranges.length; i += 1) {
      if (ranges.start(i) <= video.currentTime + 0.1 && ranges.end(i) > video.currentTime) {
        return ranges.end(i) - video.currentTime;
      }
    }
    return 0;
  }

  // Where the publisher was away the playlist has gaps. A picture that stands before one goes on behind it as soon as
  // there is something to play, at the distance from live that the stream asks for: hls.js may wait for seconds.
  function leapOverGap() {
    if (!hls || numbers.firstFrameAt === null || video.paused || video.seeking || video.readyState > 2) { return; }
    for (let i = 0; i < video.buffered.length; i += 1) {
      const [start, end] = [video.buffered.start(i), video.buffered.end(i)];
      if (start < video.currentTime + 0.02 || end - start < 0.3) { continue; }
      const live = hls.liveSyncPosition;
      video.currentTime = live > start && live < end - 0.1 ? live : start + 0.01;
      return;
    }
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
    if (numbers.firstFrameAt === null) {
      numbers.firstFrameAt = performance.now();
      setTimeout(forgiveTheJoin, 3000);
    }
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
    leapOverGap();
    const ahead = bufferedAhead();
    const quality = video.getVideoPlaybackQuality ? video.getVideoPlaybackQuality() : null;
    numbers.latency = latency();
    numbers.buffered = ahead;
    numbers.dropped = quality ? quality.droppedVideoFrames : 0;
    numbers.rate = video.playbackRate;
    numbers.target = hls ? hls.targetLatency : null;
    numbers.behindEdge = hls ? hls.latency : null;
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
