"use strict";
// Steps a replayer through a recording. It is called with data only: nothing of a recording is ever run as a script.
// The replayer applies events whole and at once by applyEventsSynchronously, and flushes what it put off by "flush": both are private to
// it, so its bundle is pinned, and econsentStart says when they are missing.
// A canvas is not painted in a page without scripts: an image stands in its place. What is drawn on it is drawn here, beside the page, by
// the calls that the converter let through, and the image shows the outcome.
(() => {
  const STILL =
    "*,*::before,*::after{transition:none!important;animation-play-state:paused!important;animation-delay:0s!important;" +
    "caret-color:transparent!important;scroll-behavior:auto!important}";
  const FULL_SNAPSHOT = 2;
  const INCREMENTAL = 3;
  const CANVAS = 9;
  const MOST_PIXELS = 16000000;
  const SETTINGS = [
    "direction", "fillStyle", "font", "globalAlpha", "globalCompositeOperation", "imageSmoothingEnabled", "lineCap", "lineDashOffset",
    "lineJoin", "lineWidth", "miterLimit", "shadowBlur", "shadowColor", "shadowOffsetX", "shadowOffsetY", "strokeStyle", "textAlign",
    "textBaseline",
  ];
  const surfaces = new Map();
  let replayer;
  let failed = 0;

  globalThis.econsentStart = (layout) => {
    const page = document.getElementById("page");
    const footer = document.getElementById("footer");
    page.style.cssText += `;width:${layout.width}px;height:${layout.pageHeight}px`;
    footer.style.cssText += `;top:${layout.pageHeight}px;width:${layout.width}px;height:${layout.footerHeight}px;padding-top:${layout.textTop}px`;
    // Two events that show nothing: the replayer wants events to begin with, and would put a first snapshot on a timer.
    const start = { type: 4, timestamp: layout.startedAt, data: { href: "", width: layout.width, height: layout.pageHeight } };
    replayer = new rrwebReplay.Replayer([start, { type: 5, timestamp: layout.startedAt, data: { tag: "", payload: {} } }], {
      root: page,
      mouseTail: false,
      showWarning: false,
      showDebug: false,
      useVirtualDom: false,
      pauseAnimation: true,
      triggerFocus: true,
      UNSAFE_replayCanvas: false,
      insertStyleRules: [STILL],
    });
    return typeof replayer.applyEventsSynchronously === "function" && typeof replayer.emitter.emit === "function";
  };

  const loaded = (image) =>
    image.complete
      ? Promise.resolve()
      : new Promise((done) => {
          image.addEventListener("load", done, { once: true });
          image.addEventListener("error", done, { once: true });
        });

  const bitmapOf = async (base64) => createImageBitmap(new Blob([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))]));

  // The canvas beside the page that stands behind an image: as large as the recorded one, and showing what the image shows so far. A new
  // picture of the whole page tells nothing of the pen, so it stays as it was set.
  const surfaceOf = async (id, image) => {
    const width = Number(image.getAttribute("width") || 300);
    const height = Number(image.getAttribute("height") || 150);
    if (!(width > 0 && height > 0 && width * height <= MOST_PIXELS)) return null;
    const known = surfaces.get(id);
    if (known && known.image === image && known.surface.width === width && known.surface.height === height) return known.surface;
    const surface = Object.assign(document.createElement("canvas"), { width, height });
    const pen = surface.getContext("2d");
    const anew = !known || known.image !== image;
    if (anew && image.src.startsWith("data:image/") && !image.src.startsWith("data:image/svg")) {
      await loaded(image);
      if (image.naturalWidth > 0) pen.drawImage(image, 0, 0);
    }
    if (anew && known) {
      const last = known.surface.getContext("2d");
      for (const name of SETTINGS) pen[name] = last[name];
      pen.setLineDash(last.getLineDash());
      pen.setTransform(last.getTransform());
    }
    surfaces.set(id, { image, surface });
    return surface;
  };

  const draw = async (pen, commands) => {
    for (const command of commands) {
      if (command.set) {
        pen[command.set] = command.to;
      } else {
        const [first, ...rest] = command.with;
        const given = first && first.base64 ? [await bitmapOf(first.base64), ...rest] : command.with;
        pen[command.call](...given);
      }
    }
  };

  const paint = async (drawings) => {
    const touched = new Map();
    for (const { id, commands } of drawings) {
      const image = replayer.getMirror().getNode(id);
      if (!image || image.tagName !== "IMG") continue;
      try {
        const surface = await surfaceOf(id, image);
        if (!surface) continue;
        await draw(surface.getContext("2d"), commands);
        touched.set(image, surface);
      } catch (error) {
        failed += 1;
      }
    }
    for (const [image, surface] of touched) {
      image.src = surface.toDataURL();
      await loaded(image);
    }
    return failed;
  };

  globalThis.econsentStep = (events, lines) => {
    let drawings = [];
    for (const event of events) {
      if (event.type === INCREMENTAL && event.data.source === CANVAS) {
        drawings.push(event.data);
        continue;
      }
      if (event.type === FULL_SNAPSHOT) drawings = []; // it holds what was drawn before it
      try {
        replayer.applyEventsSynchronously([event]);
      } catch (error) {
        failed += 1;
      }
    }
    replayer.emitter.emit("flush");
    if (lines) document.getElementById("footer").textContent = lines.join("\n");
    return drawings.length ? paint(drawings) : failed;
  };
})();
