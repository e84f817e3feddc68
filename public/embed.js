// <keiki-panel panel="api.latency"> for other people's pages: a frame with one live panel of Keiki.
//
//   <script src="https://keiki.example.com/embed.js" async></script>
//   <keiki-panel panel="api.latency" window="5m" theme="auto" height="320"></keiki-panel>
//
// Attributes: panel; window (1m, 5m, 15m, 1h, 6h, 24h, 7d, 30d, 90d), service and host (several: commas between), lang, theme (light, dark, auto), ground
// (plate, transparent), token; height in pixels, without which the panel says how high it is; src (where Keiki is, if not
// where this script came from). It loads when it comes near the window, and says so in one sentence when Keiki is away or
// refuses.
(() => {
  if (customElements.get("keiki-panel")) return;

  const HOME = new URL(".", document.currentScript?.src || location.href).href;
  /** How long a frame may take to say that it is there, and when it is tried again if it does not. */
  const PATIENCE_MS = 10_000;
  /** The same once something was loaded: a page of Keiki's listens by then. */
  const LOADED_MS = 3_000;
  const AGAIN_MS = [5_000, 15_000, 60_000];
  /** Heights that are believed. */
  const LOWEST = 60;
  const HIGHEST = 4_000;

  const WORDS = {
    ja: {
      away: (host) => `Keiki（${host}）に接続できません。自動的に再試行します。`,
      refused: (host) => `Keiki（${host}）に接続できますが、このパネルはここに表示されません。${location.origin} が [embed] origins にあるか、Keiki の /embed ページで確認できます。`,
      unknown: (host) => `Keiki（${host}）のパネルが応答しません。このページのポリシー（connect-src）により、接続できるかどうかは確認できません。自動的に再試行します。`,
      missing: () => "panel 属性がありません。例：<keiki-panel panel=\"api.latency\">",
      title: (panel) => `Keiki のパネル ${panel}`,
    },
    en: {
      away: (host) => `Keiki at ${host} can't be reached. It is tried again by itself.`,
      refused: (host) => `Keiki at ${host} can be reached, but does not show this panel here. Its page /embed tells whether ${location.origin} is among its [embed] origins.`,
      unknown: (host) => `The panel of Keiki at ${host} does not answer. Whether Keiki can be reached can't be told: the policy of this page (connect-src) forbids to ask. It is tried again by itself.`,
      missing: () => "The attribute panel is missing: <keiki-panel panel=\"api.latency\">",
      title: (panel) => `Keiki panel ${panel}`,
    },
  };

  const STYLE = `
    :host { display: block; min-width: 200px; min-height: 120px; contain: content; }
    :host([hidden]) { display: none; }
    iframe { display: block; width: 100%; height: 100%; border: 0; color-scheme: inherit; }
    iframe[hidden] { display: none; }
    p { margin: 0; padding: 12px; font: 13px/20px system-ui, sans-serif; color: inherit; }
  `;

  const SHEET = new CSSStyleSheet();
  SHEET.replaceSync(STYLE);

  const near = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) if (isIntersecting) target.show();
    },
    { rootMargin: "400px" },
  );

  class KeikiPanel extends HTMLElement {
    static observedAttributes = ["panel", "window", "service", "host", "lang", "theme", "ground", "token", "src", "height"];

    #root = this.attachShadow({ mode: "open" });
    #frame;
    #said;
    #timer;
    #tries = 0;
    #answered = false;
    #hear = (event) => this.#take(event);

    connectedCallback() {
      // A constructed sheet: the policy of the page around it may forbid style elements.
      this.#root.adoptedStyleSheets = [SHEET];
      this.#size(Number(this.getAttribute("height")) || 240);
      addEventListener("message", this.#hear);
      near.observe(this);
    }

    disconnectedCallback() {
      removeEventListener("message", this.#hear);
      near.unobserve(this);
      this.#clear();
    }

    attributeChangedCallback(name, before, after) {
      if (before === after) return;
      if (name === "height") this.#size(Number(after) || 240);
      else if (this.#frame) this.#load(true);
    }

    /** Called once it is near the window. */
    show() {
      near.unobserve(this);
      if (!this.#frame) this.#load(true);
    }

    get #home() {
      return new URL(this.getAttribute("src") ?? HOME, location.href);
    }

    get #words() {
      const lang = this.getAttribute("lang") ?? document.documentElement.lang;
      return lang.startsWith("ja") ? WORDS.ja : WORDS.en;
    }

    get #address() {
      const home = this.#home;
      if (!home.pathname.endsWith("/")) home.pathname += "/";
      const url = new URL(`embed/${encodeURIComponent(this.getAttribute("panel"))}`, home);
      for (const name of ["window", "service", "host", "lang", "theme", "ground", "token"]) {
        for (const value of this.getAttribute(name)?.split(name === "service" || name === "host" ? "," : "\n") ?? []) {
          if (value.trim()) url.searchParams.append(name, value.trim());
        }
      }
      return url.href;
    }

    #clear() {
      clearTimeout(this.#timer);
      this.#frame?.remove();
      this.#frame = undefined;
      this.#said?.remove();
      this.#said = undefined;
    }

    /** What is said stays until the frame answers, unless it is another frame that is wanted. */
    #load(anew) {
      const said = anew ? undefined : this.#said;
      this.#said = anew ? this.#said : undefined;
      this.#clear();
      this.#said = said;
      if (!this.getAttribute("panel")) return this.#say(this.#words.missing());
      const frame = document.createElement("iframe");
      frame.title = this.#words.title(this.getAttribute("panel"));
      // The token, if there is one, stays between this page and Keiki.
      frame.referrerPolicy = "no-referrer";
      frame.addEventListener("load", () => this.#greet());
      frame.src = this.#address;
      frame.hidden = said !== undefined;
      this.#frame = frame;
      this.#answered = false;
      this.#root.append(frame);
      this.#timer = setTimeout(() => this.#missed(), PATIENCE_MS);
    }

    /**
     * The frame answers who asks: so it knows by whom it is framed. A frame that was well may have loaded itself anew, and found
     * nobody: what a browser shows then answers nothing.
     */
    #greet() {
      this.#answered = false;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#missed(), LOADED_MS);
      // A frame that was refused, or could not be loaded, is of no origin: then nobody is told.
      this.#frame?.contentWindow?.postMessage({ keiki: "hello", fit: !this.hasAttribute("height") }, this.#home.origin);
    }

    #take({ source, origin, data }) {
      if (!this.#frame || source !== this.#frame.contentWindow || origin !== this.#home.origin) return;
      if (data?.keiki !== "here") return;
      clearTimeout(this.#timer);
      this.#answered = true;
      this.#tries = 0;
      this.#said?.remove();
      this.#said = undefined;
      this.#frame.hidden = false;
      if (!this.hasAttribute("height") && Number.isFinite(data.height)) this.#size(data.height);
      this.dispatchEvent(new CustomEvent("keiki-state", { detail: { state: data.state, status: data.status } }));
    }

    #size(height) {
      this.style.height = `${Math.min(HIGHEST, Math.max(LOWEST, Math.round(height)))}px`;
    }

    /** Nothing was heard: is nobody there, or does it refuse? Whether it answers at all can be known without reading it. */
    async #missed() {
      const [home, frame] = [this.#home, this.#frame];
      const said = await this.#probe(new URL("embed.js", home));
      // Meanwhile another frame may be wanted.
      if (!frame || frame !== this.#frame || this.#answered) return;
      this.#frame.hidden = true;
      this.#say(this.#words[said](home.host));
      this.#timer = setTimeout(() => this.#load(false), AGAIN_MS[Math.min(this.#tries++, AGAIN_MS.length - 1)]);
    }

    /** What is known of a server whose frame does not answer. The policy of the page around it may forbid to ask. */
    async #probe(url) {
      let said = "away";
      const forbidden = ({ effectiveDirective, blockedURI }) => {
        if (effectiveDirective === "connect-src" && blockedURI.startsWith(url.origin)) said = "unknown";
      };
      document.addEventListener("securitypolicyviolation", forbidden);
      try {
        await fetch(url, { mode: "no-cors", cache: "no-store", signal: AbortSignal.timeout(3_000) });
        said = "refused";
      } catch {
        // The browser tells of its policy in a task of its own.
        await new Promise((resolve) => setTimeout(resolve));
      }
      document.removeEventListener("securitypolicyviolation", forbidden);
      return said;
    }

    #say(sentence) {
      this.#said?.remove();
      this.#said = document.createElement("p");
      this.#said.role = "status";
      this.#said.textContent = sentence;
      this.#root.append(this.#said);
    }
  }

  customElements.define("keiki-panel", KeikiPanel);
})();
