// One connection to the stream for all of Keiki's tabs and frames that may share one: those of one browser, under one
// top-level site, with one credential. One of them, the leader, reads; the others get its events over BroadcastChannels: one
// for what concerns all, and one for each view, so that nobody is woken by what it does not show.
// No lock and no shared worker: both are missing on plain HTTP or in the frames of other sites.
//
// Who leads: the one that is seen, then the oldest. A leader shows that it lives by what it says, at least every two seconds; one
// that falls silent is replaced. Whoever reads asks for the views of all, from the oldest place that one of them has
// reached: repeats are ignored where events are folded, so that a change of leaders loses nothing.
//
// A request for several views is refused as a whole. Then each reads alone for a while, which tells whose view it was: that one stays
// alone until it is let in, the others come back.

/** How long a leader may be silent before it says that it lives, and after how long a silence it is taken for dead. */
const BEAT_MS = 1_000;
const DEAD_MS = 3_500;
/** How often those who follow look whether it is. Each look wakes a page that may be one of a dozen. */
const WATCH_MS = 2_000;
/** How long one listens before one leads, and how long one waits for a better one that is there to do it. */
const LISTEN_MS = 120;
const YIELD_MS = 500;
/** Wishes that come so close together are one request. */
const GATHER_MS = 60;
/** How often members tell that they are there, and after how long they are forgotten. Hidden pages wake once a minute. */
const HERE_MS = 60_000;
const GONE_MS = 150_000;
/** The most views of one connection; as the server's own limit. One more view gets a connection of its own. */
const MOST_VIEWS = 32;
/** How long everybody reads alone after what they wanted together was refused: twice as long each time that it happens again. */
const APART_MS = 60_000;
const LONGEST_APART_MS = 3_600_000;
/** After a failure the wishes of all tabs make one attempt in this time. */
const BREATH_MS = 400;
/** The tick of an event's id, if it is of this run of the server. */
function tickOf(since, boot) {
  const [run, tick] = since.split("-");
  return run === boot ? Number(tick) : undefined;
}

/**
 * A tab's or frame's part in the sharing. `channel(part)` opens a BroadcastChannel, or nothing where there is none: then it
 * reads by itself. `connect({ views, since }, on, end)` opens a connection.
 */
export class Share {
  #id = [...crypto.getRandomValues(new Uint32Array(2))].join(".");
  #born = Date.now();
  #open;
  #channel;
  /** The channels of views: of this one's own, and while it leads of all. */
  #lines = new Map();
  #connect;
  /** What this one wants: its view, where it is, and who takes its events. */
  #mine;
  /** The others: id to rank, view and place. */
  #members = new Map();
  /** Who leads, if not this one, and when it was last heard. */
  #leader;
  #heard = 0;
  /** What this one reads if it leads: the connection, its views, and the newest tick of each. */
  #link;
  #views = new Map();
  /** Until when everybody reads alone, and before when nothing is dialled again. */
  #apart = 0;
  #apartMs = APART_MS;
  #notBefore = 0;
  /** Views that were refused to somebody who asked for nothing else. */
  #refused = new Set();
  /** A connection that is not shared, and when it is given up for the shared one. */
  #own;
  #return;
  #boot = "";
  #leads = false;
  #told = 0;
  #election;
  #gathering;

  constructor(channel, connect) {
    this.#open = channel;
    this.#channel = channel("");
    this.#connect = connect;
    if (!this.#channel) {
      this.#leads = true;
      return;
    }
    this.#channel.onmessage = ({ data }) => this.#hear(data);
    this.#beat();
    setInterval(() => this.#here(), HERE_MS);
    addEventListener("pagehide", () => this.#leave());
    document.addEventListener("visibilitychange", () => this.#shown());
    this.#elect();
  }

  /** Asks for a view from where it is. Events go to `on`, the end to `end`; the next call replaces this one. */
  open(view, since, on, end) {
    this.#mine = { view, since, on, end };
    this.#line(view);
    if (this.#leads) {
      if (this.#channel && this.#refused.has(view)) this.#alone(APART_MS);
      else if (!this.#covers(this.#mine)) this.#gather();
      else this.#linked();
    } else if (this.#leader) {
      this.#say("hi", this.#rank());
    } else {
      this.#elect();
    }
  }

  /** Wants nothing more, for now. */
  close() {
    this.#mine = undefined;
    clearTimeout(this.#return);
    this.#own?.close();
    if (this.#leads && this.#members.size === 0) this.#hangUp();
  }

  // ---- Who leads

  #rank() {
    const { view, since } = this.#mine ?? {};
    return { hidden: document.hidden, born: this.#born, view, since };
  }

  #isBetter(rank, id) {
    const own = this.#rank();
    if (rank.hidden !== own.hidden) return own.hidden;
    return rank.born < own.born || (rank.born === own.born && id < this.#id);
  }

  /** Listens, then leads, unless there is a leader, or somebody better who should be one in a moment. */
  async #elect() {
    if (this.#election || this.#leads) return;
    this.#election = true;
    this.#leader = undefined;
    const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    this.#say("hi", this.#rank());
    await wait(LISTEN_MS);
    const better = () => [...this.#members].some(([id, member]) => this.#isBetter(member, id));
    if (!this.#leader && better()) await wait(YIELD_MS + Math.random() * YIELD_MS);
    this.#election = false;
    if (this.#leader) {
      if (this.#mine) this.#say("hi", this.#rank());
    } else {
      this.#leads = true;
      this.#lead();
      if (this.#mine || this.#members.size > 0) this.#gather();
    }
  }

  #lead() {
    this.#told = performance.now();
    this.#say("lead", { ...this.#rank(), boot: this.#boot, reached: [...this.#views], refused: [...this.#refused] });
  }

  #follow(id) {
    const known = this.#leader === id;
    this.#leader = id;
    this.#heard = performance.now();
    if (this.#leads) {
      this.#leads = false;
      this.#hangUp();
      this.#keep([this.#mine?.view]);
    }
    if (!known && this.#mine && !this.#election) this.#say("hi", this.#rank());
  }

  /** Again and again: a leader speaks, the others listen whether it does. */
  #beat() {
    const now = performance.now();
    if (this.#leads) {
      if (now - this.#told > BEAT_MS) this.#lead();
    } else if (!this.#election && now - this.#heard > DEAD_MS) {
      this.#members.delete(this.#leader);
      this.#elect();
    }
    setTimeout(() => this.#beat(), this.#leads ? BEAT_MS : WATCH_MS);
  }

  /** Browsers let hidden pages sleep: who comes into sight leads, where all others are hidden. */
  #shown() {
    if (this.#leads) this.#lead();
    else if (!document.hidden && (this.#members.get(this.#leader)?.hidden ?? true)) this.#elect();
  }

  #here() {
    for (const [id, { at }] of this.#members) {
      if (performance.now() - at > GONE_MS) this.#members.delete(id);
    }
    this.#say("here", this.#rank());
  }

  #leave() {
    this.#say("bye");
    this.#hangUp();
    // A page that comes back from the browser's memory begins anew.
    this.#leads = false;
    this.#leader = undefined;
    this.#heard = 0;
    this.#members.clear();
    this.#keep([]);
  }

  /** The channel of a view. */
  #line(view) {
    if (!this.#channel) return undefined;
    let line = this.#lines.get(view);
    if (!line) {
      line = this.#open(view);
      line.onmessage = ({ data }) => this.#hear(data);
      this.#lines.set(view, line);
    }
    return line;
  }

  /** Closes the channels of other views. */
  #keep(views) {
    for (const [view, line] of this.#lines) {
      if (views.includes(view)) continue;
      line.close();
      this.#lines.delete(view);
    }
  }

  #say(kind, more) {
    this.#channel?.postMessage({ kind, id: this.#id, ...more });
  }

  #hear({ kind, id, reached = [], boot, ...said }) {
    if (kind === "hi" || kind === "here" || kind === "lead") {
      this.#members.set(id, { ...said, at: performance.now() });
    }
    switch (kind) {
      case "hi":
        // A hidden leader leaves it to whoever is seen.
        if (this.#leads && said.hidden >= document.hidden) {
          this.#lead();
          const apart = this.#refused.has(said.view) ? APART_MS : this.#apart - performance.now();
          if (said.view && apart > 0) {
            this.#members.get(id).view = undefined;
            this.#say("full", { to: id, back: apart });
          } else if (said.view && !this.#covers(said)) this.#gather();
          else if (said.view) this.#say("live", { to: id, view: said.view });
        } else if (this.#election) {
          this.#say("here", this.#rank());
        }
        break;
      case "lead":
        if (!this.#leads && said.hidden && !document.hidden) this.#elect();
        // Where two lead the worse one goes.
        else if (!this.#leads || this.#isBetter(said, id)) {
          this.#refused = new Set(said.refused);
          this.#follow(id);
          for (const [view, tick] of reached) this.#note(view, `${boot}-${tick}`);
        } else this.#lead();
        break;
      case "events":
        if (id === this.#leader) {
          this.#heard = performance.now();
          this.#take(said.events);
        } else if (this.#leads) {
          // Somebody else reads too, as after it stood still: now both learn of each other.
          this.#lead();
        }
        break;
      case "down":
        if (id === this.#leader) {
          this.#heard = performance.now();
          this.#end(said.wait);
        }
        break;
      case "full":
        if (said.to === this.#id) this.#alone(said.back);
        break;
      case "live":
        if (said.to === this.#id && said.view === this.#mine?.view) this.#linked();
        break;
      case "refused":
        this.#refused.add(said.view);
        break;
      case "admitted":
        this.#refused.delete(said.view);
        break;
      case "bye":
        this.#members.delete(id);
        if (id === this.#leader) this.#elect();
        else if (this.#leads && this.#members.size === 0 && !this.#mine) this.#hangUp();
        break;
    }
  }

  // ---- Reading

  /** Whether the connection brings somebody all that it lacks. */
  #covers({ view, since }) {
    const reached = this.#views.get(view);
    return this.#link !== undefined && reached !== undefined && tickOf(since, this.#boot) >= reached;
  }

  /** Connects anew for all, once the wishes of a moment are together. */
  #gather() {
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined;
      if (this.#leads) this.#dial();
    }, this.#channel ? Math.max(GATHER_MS, this.#notBefore - performance.now()) : 0);
  }

  #dial() {
    this.#hangUp();
    const all = [...this.#members].map(([id, { view, since }]) => ({ id, view, since })).filter(({ view }) => view);
    if (this.#mine) all.unshift(this.#mine);
    if (all.length === 0) return;
    this.#boot = all[0].since.split("-")[0];
    /** From where on each view is wanted; nothing where somebody knows another run of the server, and begins anew. */
    const wanted = new Map();
    for (const { id, view, since } of all) {
      const ticks = [tickOf(since, this.#boot)];
      if (wanted.has(view)) ticks.push(wanted.get(view));
      else if (wanted.size === MOST_VIEWS) {
        this.#say("full", { to: id });
        continue;
      }
      wanted.set(view, ticks.includes(undefined) ? undefined : Math.min(...ticks));
    }
    this.#keep([...wanted.keys(), this.#mine?.view]);
    const oldest = Math.min(...[...wanted.values()].filter((tick) => tick !== undefined));
    const from = Number.isFinite(oldest) ? oldest : 0;
    for (const [view, tick] of wanted) this.#views.set(view, tick ?? from);
    this.#link = this.#connect(
      {
        views: [...wanted].map(([view, tick]) => (tick === undefined ? `${view};new` : view)).join(","),
        since: `${this.#boot}-${from}`,
      },
      (events) => {
        // What all want together was let in.
        if (wanted.size > 1) this.#apartMs = APART_MS;
        this.#bring(events);
      },
      (wait, status) => {
        this.#hangUp();
        // What all want together is refused: somebody wants what there is not, or may not, or they are too many. Each for
        // itself, then.
        if (isRefusal(status) && wanted.size > 1) {
          this.#apart = performance.now() + this.#apartMs;
          for (const [id, member] of this.#members) {
            if (member.view) this.#say("full", { to: id, back: this.#apartMs });
            member.view = undefined;
          }
          this.#apartMs = Math.min(LONGEST_APART_MS, 2 * this.#apartMs);
          if (this.#mine) this.#gather();
          return;
        }
        if (isRefusal(status)) for (const view of wanted.keys()) this.#judge(view, false);
        this.#notBefore = performance.now() + BREATH_MS;
        this.#say("down", { wait });
        this.#end(wait);
      },
    );
  }

  #hangUp() {
    this.#link?.close();
    this.#link = undefined;
    this.#views.clear();
  }

  /** What was read goes to those whose view it is. */
  #bring(events) {
    const shown = new Set([...this.#members.values()].map(({ view }) => view));
    const byView = Map.groupBy(events, ({ data }) => viewOf(data));
    for (const [view, events] of byView) {
      const said = { kind: "events", id: this.#id, events };
      // What bears no view is for all: a farewell.
      if (view === undefined) this.#channel?.postMessage(said);
      else if (shown.has(view)) this.#line(view)?.postMessage(said);
      const { id } = events.findLast(({ id }) => id) ?? {};
      if (view !== undefined && id) this.#note(view, id);
    }
    // Who gets events needs no other sign of life. Timers of hidden pages sleep; what is read wakes them.
    if ([...shown].every((view) => byView.has(view))) this.#told = performance.now();
    else if (performance.now() - this.#told > BEAT_MS) this.#lead();
    this.#take(events);
  }

  /** Notes how far all of a view are, since anyone may lead next. */
  #note(view, id) {
    const [boot, tick] = id.split("-");
    this.#boot = boot;
    if (this.#views.has(view)) this.#views.set(view, Number(tick));
    for (const member of this.#members.values()) if (member.view === view) member.since = id;
  }

  /** Takes what is for this one. */
  #take(events) {
    const mine = this.#mine;
    if (!mine) return;
    const own = events.filter(({ data }) => (viewOf(data) ?? mine.view) === mine.view);
    for (const { id } of own) if (id) mine.since = id;
    if (own.length > 0) mine.on(own);
  }

  /** The connection has all that this one lacks. Of a long window, or a past one, nothing may come for long. */
  #linked() {
    this.#mine.on([{ event: "live", data: "" }]);
  }

  #end(wait) {
    const mine = this.#mine;
    this.#mine = undefined;
    mine?.end(wait);
  }

  /**
   * Reads by itself: there is no room in the shared connection, or somebody's view is refused. Tells which, and asks to be let in
   * again after `back` milliseconds, if that is given and it was not its own.
   */
  #alone(back) {
    const mine = this.#mine;
    if (!mine) return;
    this.#mine = undefined;
    this.#say("here", this.#rank());
    clearTimeout(this.#return);
    let admitted = false;
    const own = this.#connect(
      { views: mine.view, since: mine.since },
      (events) => {
        if (!admitted) this.#judge(mine.view, true);
        admitted = true;
        for (const { id } of events) if (id) mine.since = id;
        if (events.length > 0) mine.on(events);
      },
      (wait, status) => {
        clearTimeout(this.#return);
        if (isRefusal(status)) this.#judge(mine.view, false);
        mine.end(wait);
      },
    );
    this.#own = own;
    if (back === undefined) return;
    this.#return = setTimeout(() => {
      if (!admitted || this.#own !== own) return;
      own.close();
      this.open(mine.view, mine.since, mine.on, mine.end);
    }, back);
  }

  /** Tells all whether a view is opened to who asks for nothing else. */
  #judge(view, admitted) {
    if (admitted === !this.#refused.has(view)) return;
    if (admitted) this.#refused.delete(view);
    else this.#refused.add(view);
    this.#say(admitted ? "admitted" : "refused", { view });
  }
}

/** Whether it is asked for what there is not, or may not be seen. Who has to log in again is told otherwise. */
function isRefusal(status) {
  return status >= 400 && status < 500 && status !== 401;
}

/** The view of an event: near the start of its JSON, and holding nothing that JSON would escape. */
function viewOf(data) {
  return /"view":"([^"]*)"/.exec(data)?.[1];
}
