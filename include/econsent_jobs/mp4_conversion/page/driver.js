"use strict";
// Steps a replayer through a recording. It is called with data only: nothing of a recording is ever run as a script.
// The replayer applies events whole and at once by applyEventsSynchronously, and flushes what it put off by "flush": both are private to
// it, so its bundle is pinned, and econsentStart says when they are missing.
(() => {
  const STILL =
    "*,*::before,*::after{transition:none!important;animation-play-state:paused!important;animation-delay:0s!important;" +
    "caret-color:transparent!important;scroll-behavior:auto!important}";
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

  globalThis.econsentStep = (events, lines) => {
    for (const event of events) {
      try {
        replayer.applyEventsSynchronously([event]);
      } catch (error) {
        failed += 1;
      }
    }
    replayer.emitter.emit("flush");
    if (lines) document.getElementById("footer").textContent = lines.join("\n");
    return failed;
  };
})();
