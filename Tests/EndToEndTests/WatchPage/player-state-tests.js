// Seeded life of a viewer: a world of publisher, server, network and player around the page's decisions, with everything going
// wrong at random. `check` gives the rules that were broken, each with its seed.

const random = (seed) => () => {
  // mulberry32
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};

const step = 0.1;
const window = 30;

class World {
  constructor(PlayerState, seed) {
    this.random = random(seed);
    this.now = 0;
    this.broken = new Set();
    this.part = [0.1, 0.2, 0.333, 0.5][Math.floor(this.random() * 4)];
    this.holdBack = 3 * this.part;
    // The outside.
    this.channel = "live"; // live, ended, notLive, unknown
    this.publisher = "here"; // here, gap, silent
    this.serverAnswers = true;
    this.lacks = [];
    this.edge = 10;
    this.newest = 100;
    // The player.
    this.player = null;
    this.autoplay = true;
    this.pending = [];
    // What the rules need to remember.
    this.chosenPlace = false;
    this.isEnded = false;
    this.announcedAt = -Infinity;
    this.visited = new Set();
    this.state = new PlayerState(this.random);
    this.tell({ type: "begin" });
  }

  fault(rule) { this.broken.add(rule); }

  tell(event) {
    // A new broadcast, even one that cannot be played.
    if (event.type === "answer" && event.is === "live") this.isEnded = false;
    const effects = this.state.receive(event, this.now);
    const { view } = this.state;
    this.visited.add(view.state);
    for (const effect of effects) this.perform(effect, event);
    this.judge(view);
  }

  perform(effect, event) {
    const { player } = this;
    if (this.isEnded && ["jump", "recover"].includes(effect.do)) this.fault("after the end nothing is played");
    switch (effect.do) {
      case "ask": this.pending.push({ at: this.now + 0.05 + this.random() * 0.3 }); break;
      case "open":
        if (this.isEnded) this.fault("after the end nothing is played");
        this.chosenPlace = false;
        this.player = { time: this.edge - this.holdBack, buffered: null, readyAt: this.now + 0.3, rate: 1, isPaused: false, isDead: false, seekUntil: null, failsAt: null };
        if (!this.autoplay) this.later({ type: "blocked" });
        break;
      case "close": this.player = null; break;
      case "recover": player.isDead = false; player.rate = 1; player.buffered = null; player.readyAt = this.now + 0.3; break;
      case "jump":
        if (this.chosenPlace && !this.wasStarved) this.fault("nobody is chased who has gone back");
        if (effect.to > this.edge) this.fault("a jump ends where there is media");
        this.seek(effect.to);
        break;
      case "rate":
        if (effect.to < 0.9 || effect.to > 1.2) this.fault("the rate stays near one");
        if (this.chosenPlace && effect.to !== 1) this.fault("nobody is chased who has gone back");
        player.rate = effect.to;
        break;
      case "play": if (player) { player.isPaused = false; this.autoplay = true; } break;
      case "pause":
        if (this.state.view.state !== "ended") this.fault("only the end pauses");
        if (player) player.isPaused = true;
        break;
      case "announce":
        if (this.now - this.announcedAt < 5) this.fault("at most one announcement in five seconds");
        this.announcedAt = this.now;
        break;
      default: this.fault(`no effect is called ${effect.do}`);
    }
  }

  later(event) { this.pending.push({ at: this.now + 0.05, event, player: this.player }); }

  judge(view) {
    const { player } = this;
    if (this.isEnded && view.state !== "ended") this.fault("the end stays the end");
    if (view.state === "live" && player && this.sampled && this.knows) {
      const distance = this.sampled.edge - this.sampled.time;
      if (distance > this.holdBack + 1 + 2.01) this.fault("live is said where it is live");
    }
    if (view.state === "live" && (!player || this.now - (this.movedAt ?? 0) > 1.5)) this.fault("live is said of a picture that moves");
    if (view.canGoLive && view.behind === null) this.fault("who may go live sees how far it is");
    if (["live", "behind", "paused"].includes(view.state) && !player) this.fault("without a player nothing plays");
  }

  seek(to) {
    const { player } = this;
    player.time = Math.max(0, to);
    player.seekUntil = this.now + 0.1;
    this.later({ type: "seek", to: player.time });
    if (player.buffered && to >= player.buffered[0] && to <= player.buffered[1]) return;
    player.buffered = null;
    player.readyAt = this.now + 0.3;
  }

  get isLoading() { return this.serverAnswers && this.channel !== "notLive" && this.channel !== "unknown"; }

  advance() {
    this.now += step;
    const { player } = this;
    if (this.channel === "live") {
      if (this.publisher !== "silent") this.edge += step;
      if (this.publisher !== "silent" && Math.round(this.now * 10) % 2 === 0) this.newest += 1;
    }
    for (const { at, event, player: whose } of this.pending.splice(0)) {
      if (this.now < at) this.pending.push({ at, event, player: whose });
      else if (event) { if (this.player === whose) this.tell(event); }
      else if (!this.serverAnswers) this.pending.length < 50 && this.tell({ type: "answer", is: "silent" });
      else this.tell({ type: "answer", is: this.channel, lacks: this.channel === "live" ? this.lacks : [], newest: this.newest });
    }
    if (player && this.player === player) this.advancePlayer(player);
    this.sampled = this.player ? this.sample() : null;
    this.tell({ type: "tick", sample: this.sampled });
  }

  advancePlayer(player) {
    if (player.seekUntil !== null && this.now >= player.seekUntil) player.seekUntil = null;
    const isLoading = this.isLoading && !player.isDead;
    if (isLoading && Math.round(this.now * 10) % 4 === 0) {
      this.playlistAt = this.now;
      this.listedEdge = this.edge;
      const ended = this.channel === "ended";
      if (ended && !this.isEnded) {
        this.tell({ type: "playlist", ended, newest: this.newest, targetDuration: 2 });
        this.isEnded = true;
      } else if (!ended && this.publisher !== "silent") {
        this.tell({ type: "playlist", ended, gapAtEdge: this.publisher === "gap", newest: this.newest, targetDuration: 2 });
      }
    }
    if (!this.serverAnswers && !this.isEnded) {
      player.failsAt ??= this.now + 3;
      const isFatal = this.now > player.failsAt;
      if (Math.round(this.now * 10) % 10 === 0 && !player.isDead) this.fail(player, { kind: "network", isFatal });
    } else player.failsAt = null;
    if (this.player !== player) return;
    // Media comes unless the publisher is away; what it missed is a hole.
    if (isLoading && this.now >= player.readyAt && this.publisher === "here" && this.channel === "live") {
      if (player.buffered === null) player.buffered = [player.time, player.time];
      if (player.hole) { player.buffered = [this.edge - 0.4, this.edge]; player.hole = false; }
      player.buffered[1] = Math.max(player.buffered[1], this.edge - 0.05);
    }
    if (this.publisher === "gap" && player.buffered) player.hole = true;
    const isMoving = !player.isPaused && player.seekUntil === null && player.buffered && this.autoplay
      && player.buffered[0] <= player.time + 0.1 && player.buffered[1] > player.time;
    if (!isMoving) { if (player.wasMoving && !player.isPaused) this.tell({ type: "stall" }); player.wasMoving = false; return; }
    player.wasMoving = true;
    this.movedAt = this.now;
    player.time = Math.min(player.buffered[1], player.time + step * player.rate);
  }

  sample() {
    const { player } = this;
    const ranges = player.buffered ? [[...player.buffered]] : [];
    const isStarved = !ranges.some(([start, end]) => start <= player.time + 0.1 && end > player.time);
    this.wasStarved = isStarved;
    this.knows = this.isLoading && this.publisher === "here" && this.channel === "live";
    return {
      time: player.time, isPaused: player.isPaused, isSeeking: player.seekUntil !== null, isStarved, rate: player.rate, ranges,
      listed: this.listedEdge, edge: this.listedEdge === undefined ? null : this.listedEdge + (this.now - this.playlistAt), start: Math.max(0, this.edge - window),
      holdBack: this.holdBack, part: this.part,
    };
  }

  /// Something happens, or nothing does.
  disturb() {
    const { player } = this;
    const pick = (choices) => choices[Math.floor(this.random() * choices.length)];
    switch (Math.floor(this.random() * 12)) {
      case 0: this.publisher = pick(["here", "gap", "silent"]); break;
      case 1: this.serverAnswers = pick([true, false]); break;
      case 2: this.end(pick(["ended", "notLive", "unknown"])); break;
      case 3: case 4: this.begin(); break;
      case 5: this.lacks = pick([[], [], ["hvc1.1.6.L93"]]); break;
      case 6: this.autoplay = pick([true, true, false]); break;
      case 7: if (player) { player.isPaused = !player.isPaused; } break;
      case 8: this.goBack(5 + 10 * this.random()); break;
      case 9: this.goLive(); break;
      case 10: this.tell({ type: pick(["retry", "tap"]) }); break;
      case 11: if (player && !this.isEnded) this.fail(player, { kind: pick(["media", "other"]), isFatal: true }); break;
    }
  }

  /// hls.js stops when something is fatal.
  fail(player, fault) {
    player.isDead ||= fault.isFatal;
    this.tell({ type: "fault", ...fault });
  }

  end(how) { if (this.channel === "live") this.channel = how; }

  begin() {
    if (this.channel === "live") return;
    this.channel = "live";
    this.publisher = "here";
    this.newest += 10;
    this.edge += 5;
  }

  goBack(seconds) {
    const { player } = this;
    if (!player || this.isEnded || this.state.view.state !== "live" || player.time < seconds + 1) return;
    const ranges = player.buffered;
    this.seek(player.time - seconds);
    player.buffered = [Math.max(0, player.time - 1), ranges ? ranges[1] : player.time];
    this.chosenPlace = true;
  }

  goLive() {
    this.chosenPlace = false;
    this.tell({ type: "goLive" });
  }

  /// Everything is well from now on: the page must get there by itself. Only an autoplay that is refused needs the viewer.
  heal() {
    this.begin();
    this.publisher = "here";
    this.serverAnswers = true;
    this.lacks = [];
    this.goLive();
    if (this.player) this.player.isPaused = false;
    if (this.state.view.state === "blocked") this.tell({ type: "tap" });
    this.autoplay = true;
  }

  run(seconds, each = () => {}) {
    for (const until = this.now + seconds; this.now < until;) { each(); this.advance(); }
  }
}

function live(PlayerState, seed) {
  const world = new World(PlayerState, seed);
  world.run(20 + 40 * world.random(), () => { if (world.random() < 0.03) world.disturb(); });
  const stuckIn = world.state.view.state;
  world.heal();
  world.run(60);
  if (world.state.view.state !== "live") world.fault(`no state is without a way out: ${stuckIn} became ${world.state.view.state}`);
  const distance = world.player ? world.edge - world.player.time : Infinity;
  if (distance > world.holdBack + 1.5) world.fault("a follower is brought back to live");
  return world;
}

/// The rules that seeds from `first` on break, and the states that were visited.
export function check(PlayerState, first, count) {
  const broken = new Map();
  const visited = new Set();
  for (let seed = first; seed < first + count; seed += 1) {
    const world = live(PlayerState, seed);
    for (const state of world.visited) visited.add(state);
    for (const rule of world.broken) if (!broken.has(rule)) broken.set(rule, seed);
  }
  return { broken: [...broken].map(([rule, seed]) => `${rule} (seed ${seed})`), visited: [...visited].sort() };
}

/// Pages that break a rule each; `check` must find every one of them.
export function mutants(PlayerState) {
  const change = (alter) => class extends PlayerState { constructor(random) { super(random); alter(this); } };
  return {
    "chases whoever goes back": change((state) => { Object.defineProperty(state.distance, "isFollowing", { get: () => true, set() {} }); }),
    "never jumps": change((state) => { state.distance.catchUp = () => false; state.distance.goLive = () => {}; }),
    "says live whenever the picture moves": change((state) => {
      const { stateAt } = state;
      state.stateAt = (now) => { const said = stateAt.call(state, now); return said === "behind" ? "live" : said; };
    }),
    "says live of a picture that stands": change((state) => {
      const { stateAt } = state;
      state.stateAt = (now) => { const said = stateAt.call(state, now); return said === "buffering" || said === "network" ? "live" : said; };
    }),
    "plays on after the end": change((state) => { state.end = (now, effects) => { state.open(now, effects); }; }),
    "forgets the end": change((state) => { state.end = (now) => { state.phase = "asking"; state.askAgain(now); }; }),
    "never asks again": change((state) => { state.askAgain = () => {}; }),
    "never opens again": change((state) => {
      const { open } = state;
      let opened = 0;
      state.open = (now, effects) => { opened += 1; if (opened < 2) open.call(state, now, effects); };
    }),
    "waits for ever for an answer": change((state) => { state.watchSilence = () => {}; state.lose = () => {}; }),
    "announces everything": change((state) => {
      const { receive } = state;
      state.receive = (event, now) => { state.announced.at = -Infinity; return receive.call(state, event, now); };
    }),
  };
}
