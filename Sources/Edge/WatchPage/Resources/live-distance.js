// How far the picture is from live, and what is done about it: a little faster, a little slower, or a jump. As all of the
// page's decisions it knows no document and no clock: `now` is in seconds, samples are those of player-state.js.

/// Further behind than this the page jumps, in seconds beyond the distance that the stream asks for.
export const JUMP_BEYOND = 3;
/// "Live" is what is nearer than this to where the stream asks players to be.
export const LIVE_WITHIN = 2;
/// After a start or a jump the player settles: a stall then says nothing of the network.
const SETTLING = 5;
const MARGIN_PER_STALL = 0.25;
const LONGEST_MARGIN = 1;
/// A margin halves in this time without a stall.
const MARGIN_LIFE = 30;
const BETWEEN_JUMPS = 5;
/// So long the latest media is remembered for how late it came.
const LAG_MEMORY = 20;
/// What is buffered at least when media comes as late as it is known to.
const CUSHION = 0.15;
/// No nearer than this while the network is not known yet.
const UNKNOWN_NETWORK = 0.5;

export class LiveDistance {
  constructor() {
    /// False for whoever has chosen where to be, or how fast: nobody hurries them.
    this.isFollowing = true;
    this.margin = { seconds: 0, since: 0 };
    this.reset(0);
  }

  /// A player has just been opened.
  reset(now) {
    this.sample = null;
    this.time = null;
    this.openedAt = now;
    this.settlesAt = now + SETTLING;
    this.jump = { to: null, at: -Infinity };
    this.rate = 1;
    /// The worst of each second: [second, how far the buffer's end was behind the stream].
    this.lags = [];
    this.forget();
  }

  /// What was seen from where the picture was.
  forget() {
    this.farSince = null;
    this.lateSince = null;
    this.lows = [];
  }

  /// Takes a sample; true where the picture has moved since the last one.
  moved(sample) {
    this.sample = sample;
    if (sample.isSeeking) return false;
    const before = this.time;
    this.time = sample.time;
    return !sample.isPaused && before !== null && sample.time > before + 0.001;
  }

  /// The first picture has come.
  settle(now) { this.settlesAt = now + SETTLING; }

  /// Seconds from `time` to the live edge; null where that is not known.
  from(time) {
    const edge = this.sample ? this.sample.edge : null;
    return edge === null || edge === undefined ? null : edge - time;
  }

  get seconds() { return this.sample ? this.from(this.sample.time) : null; }

  /// The distance that the stream asks for, or more where media comes late, and what stalls have taught.
  target(now) {
    const holdBack = (this.sample && this.sample.holdBack) || 0;
    const extra = Math.max(0, this.neededFor(now) - holdBack) + this.marginAt(now);
    return holdBack + Math.min(extra, LONGEST_MARGIN);
  }

  /// The distance at which the latest media of the last time would have been in time.
  neededFor(now) {
    const worst = this.lags.reduce((worst, [, lag]) => Math.max(worst, lag), 0);
    const known = this.lags.length > 0 ? Math.min(1, (now - this.lags[0][0]) / LAG_MEMORY) : 0;
    return Math.max(worst + CUSHION, UNKNOWN_NETWORK * (1 - known));
  }

  /// How late media comes shows at any distance: it is how far the end of the buffer is behind the stream.
  watchLag(now) {
    const { edge, time, ranges, isSeeking } = this.sample;
    const range = ranges.find(([start, end]) => start <= time + 0.1 && end > time - 0.1);
    if (!range || isSeeking || edge === null || edge === undefined) return;
    const second = Math.floor(now);
    const lag = Math.max(0, edge - range[1]);
    const last = this.lags.at(-1);
    if (last && last[0] === second) last[1] = Math.max(last[1], lag);
    else this.lags.push([second, lag]);
    while (this.lags[0][0] < second - LAG_MEMORY) this.lags.shift();
  }

  marginAt(now) { return this.margin.seconds * 2 ** (-(now - this.margin.since) / MARGIN_LIFE); }

  isBeyond(seconds, now) { return this.seconds !== null && this.seconds > this.target(now) + seconds; }

  /// Where a viewer belongs who is live.
  livePosition(now) {
    const { edge, listed = edge, start = 0, part = 0.1 } = this.sample;
    return Math.max(start, Math.min(edge - this.target(now), listed - part));
  }

  // --- What happens ---------------------------------------------------------------------------------------------------

  /// The buffer ran out while the stream came.
  stalled(now) {
    if (now < this.settlesAt) return;
    this.margin = { seconds: Math.min(LONGEST_MARGIN, this.marginAt(now) + MARGIN_PER_STALL), since: now };
  }

  /// A seek that is not the page's is the viewer's, or hls.js's over a hole; that one never goes back.
  seeked(to, now, effects) {
    this.forget();
    const from = this.time;
    this.time = to;
    const isOwn = this.jump.to !== null && Math.abs(to - this.jump.to) < 0.05;
    if (isOwn) { this.jump.to = null; return; }
    if (from !== null && to < from - 0.5) {
      this.isFollowing = false;
      this.setRate(1, effects);
    }
    const distance = this.from(to);
    if (distance !== null && distance < this.target(now) + LIVE_WITHIN) this.isFollowing = true;
  }

  goLive(isEdgeKnown, now, effects) {
    this.isFollowing = true;
    if (!this.sample) return;
    // Whatever speed the viewer chose.
    this.rate = 1;
    effects.push({ do: "rate", to: 1 });
    if (this.sample.isPaused) effects.push({ do: "play" });
    if (isEdgeKnown && this.isBeyond(JUMP_BEYOND, now)) this.jumpTo(this.livePosition(now), now, effects);
  }

  /// Keeps the distance of a picture that plays, or should. Without a known edge there is no way to tell it.
  keep(isEdgeKnown, now, effects) {
    const { sample } = this;
    if (this.leapOverHole(now, effects)) return;
    if (Math.abs(sample.rate - this.rate) > 0.001) {
      // The viewer has set another speed.
      this.rate = sample.rate;
      this.isFollowing = false;
    }
    if (!this.isFollowing) return;
    if (!isEdgeKnown || this.seconds === null) { this.setRate(1, effects); return; }
    this.watchLag(now);
    if (this.catchUp(now, effects)) return;
    this.setRate(this.rateFor(this.seconds - this.target(now), this.lowestAhead(now)), effects);
  }

  // --- Jumps ----------------------------------------------------------------------------------------------------------

  jumpTo(to, now, effects) {
    this.jump = { to, at: now };
    this.time = to;
    this.settle(now);
    this.forget();
    this.setRate(1, effects);
    effects.push({ do: "jump", to });
  }

  /// Where the publisher was away the playlist has gaps. A picture that stands before one goes on behind it as soon as there
  /// is something to play: a follower at the distance from live that the stream asks for.
  leapOverHole(now, effects) {
    const { sample } = this;
    if (!sample.isStarved) return false;
    const next = sample.ranges.find(([start, end]) => start > sample.time + 0.02 && end - start >= 0.3);
    if (!next) return false;
    const [start, end] = next;
    const live = this.seconds === null ? start : this.livePosition(now);
    const isInside = this.isFollowing && live > start && live < end - 0.1;
    this.jumpTo(isInside ? live : start + 0.01, now, effects);
    return true;
  }

  catchUp(now, effects) {
    this.farSince = this.isBeyond(JUMP_BEYOND, now) ? this.farSince ?? now : null;
    // A start that went wrong is put right at once: nobody has settled down to watch yet.
    const isJoining = now < this.settlesAt && this.jump.at < this.openedAt;
    const isLate = isJoining && this.isBeyond(1, now) && this.isBuffered(this.livePosition(now));
    this.lateSince = isLate ? this.lateSince ?? now : null;
    // The viewer sees for a second how far it is.
    const isDue = [this.farSince, this.lateSince].some((since) => since !== null && now - since >= 1);
    if (!isDue || now - this.jump.at < BETWEEN_JUMPS) return false;
    this.jumpTo(this.livePosition(now), now, effects);
    return true;
  }

  isBuffered(time) { return this.sample.ranges.some(([start, end]) => start <= time && end > time + 0.3); }

  // --- Rate -----------------------------------------------------------------------------------------------------------

  /// A little faster while the picture is later than the stream asks, a little slower while it is nearer than that. For long
  /// parts it is hls.js's own rule, which for short ones would never act.
  rateFor(late, ahead) {
    const isSteering = this.rate !== 1;
    if (this.sample.holdBack >= 1.5) {
      if (late <= 0.05 || ahead <= 1) return 1;
      return Math.min(1.2, Math.max(1, Math.round((2 / (1 + Math.exp(-0.75 * late))) * 20) / 20));
    }
    if (late > (isSteering ? 0.01 : 0.05) && ahead > 0.3) return late > 0.2 ? 1.1 : 1.04;
    if (late < (isSteering ? -0.02 : -0.1)) return 0.96;
    return 1;
  }

  /// What is buffered rises with each part and falls in between: what counts is how low it has been in the last second.
  lowestAhead(now) {
    const { time, ranges } = this.sample;
    const range = ranges.find(([start, end]) => start <= time + 0.1 && end > time);
    this.lows.push([now, range ? range[1] - time : 0]);
    this.lows = this.lows.filter(([at]) => now - at <= 1).slice(-20);
    return Math.min(...this.lows.map(([, ahead]) => ahead));
  }

  setRate(to, effects) {
    if (this.rate === to) return;
    this.rate = to;
    effects.push({ do: "rate", to });
  }
}
