/**
 * How a diagram looks, in light and in dark, on a screen and on paper.
 */

export const style = `
:root{color-scheme:light dark;--paper:#fdfdfc;--ink:#1b2430;--soft:#5f6b7a;--faint:#c3cad4;--wash:#f1f3f6;--main:#2a5bd0;--bad:#c1271b;--bad-wash:#fdecea;--good:#1c7a49;--warn:#8f5b00;--warn-wash:#f0b429}
@media (prefers-color-scheme:dark){:root{--paper:#10151c;--ink:#e6ebf2;--soft:#94a1b3;--faint:#3d4856;--wash:#1a212b;--main:#82a9ff;--bad:#ff8177;--bad-wash:#3a1a1a;--good:#52c98a;--warn:#e6b450;--warn-wash:#8a6414}}
*{box-sizing:border-box}
body{margin:0;min-width:fit-content;background:var(--paper);color:var(--ink);font:14px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
header,.after{max-width:1040px;padding:0 28px}
header{padding-top:26px}
.after{padding-bottom:48px}
.over{margin:0;color:var(--soft);font-size:12.5px}
h1{margin:2px 0 12px;font-size:23px;line-height:1.25;letter-spacing:-.012em;font-weight:650}
h2{margin:24px 0 6px;font-size:14px;font-weight:650}
.verdict{margin:0;padding:11px 16px;border-left:4px solid var(--bad);border-radius:3px;background:var(--bad-wash);font-size:15px}
.verdict b{color:var(--bad)}
.verdict.none{border-color:var(--good);background:var(--wash)}
code,pre,.time,td.at{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
.replay{margin:14px 0 0;display:flex;gap:10px;align-items:baseline}
.replay span{color:var(--soft)}
.replay code{padding:3px 8px;border-radius:4px;background:var(--wash);font-size:12.5px;overflow-wrap:anywhere;user-select:all}
table{border-collapse:collapse;font-size:13px}
th{padding:2px 22px 3px 0;color:var(--soft);font-weight:500;text-align:left}
td{padding:4px 22px 4px 0;border-top:1px solid var(--wash);vertical-align:top}
th:first-child,td.at{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.at{font-size:12.5px}
h2 small,.hint{color:var(--soft);font-size:12.5px;font-weight:400}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;margin:8px 0 2px;padding:0;list-style:none;color:var(--soft);font-size:12.5px}
.legend li{display:flex;align-items:center;gap:6px}
.filters{display:flex;flex-wrap:wrap;gap:4px 20px;margin:6px 0 0;padding:0;border:0;font-size:12.5px}
.filters label{display:flex;align-items:center;gap:6px}
main{padding:0 16px}
.sticky{position:sticky;top:0;z-index:1;background:var(--paper);border-bottom:1px solid var(--faint)}
svg{display:block}
svg text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;fill:var(--ink)}
svg .time{font:11px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;text-anchor:end;fill:var(--soft)}
svg .time.bad{fill:var(--bad);font-weight:700}
.name{font-size:14px;font-weight:650;text-anchor:middle}
svg .name.node{fill:var(--soft);font-weight:500}
svg .name.failing{fill:var(--bad)}
svg .aside{font-size:12.5px;fill:var(--soft)}
.under{stroke:var(--bad);stroke-width:2.5}
.tick{stroke:var(--faint)}
.life{stroke:var(--faint);stroke-width:2;fill:none}
.life.node{stroke-dasharray:2 4}
.life.gone{stroke-dasharray:2 5;stroke:var(--soft)}
.fold rect{fill:var(--wash)}
.message path{stroke:var(--main);fill:none;stroke-width:1.3;marker-end:url(#head)}
.message.small path{stroke-width:.9;stroke-opacity:.6}
.message.large path{stroke-width:2.4}
.message.far path{stroke:var(--soft);stroke-opacity:.7;marker-end:url(#head-far)}
.message.far.small path{stroke-opacity:.45}
.message:hover path{stroke:var(--ink);stroke-opacity:1;stroke-width:3}
.head{fill:var(--main)}
.head.far{fill:var(--soft)}
.wire{stroke:var(--soft);stroke-dasharray:1 4;stroke-linecap:round;stroke-width:1.4}
.sign{stroke:var(--soft);stroke-width:1.6;fill:var(--paper)}
.reset .wire,.reset .sign{stroke:var(--bad)}
.bar .ground{fill:var(--paper)}
.bar.down .fill{fill:url(#hatch);stroke:var(--bad);stroke-width:1}
.hatch{stroke:var(--bad);stroke-width:2;stroke-opacity:.5}
.bar.frozen .fill{fill:url(#dots);stroke:var(--soft);stroke-width:1}
.dot{fill:var(--soft)}
.bar.full .fill{fill:var(--warn-wash);stroke:var(--warn)}
.bar.slow .fill{fill:none;stroke:var(--warn);stroke-dasharray:3 2}
.bar.step .fill{fill:var(--wash);stroke:var(--ink);stroke-opacity:.55}
.wall path{stroke:var(--warn);stroke-width:1.4;stroke-dasharray:7 4;fill:none}
.bracket path{stroke:var(--warn);stroke-width:1.8;fill:none}
.bracket.open path{stroke-dasharray:5 3}
.leader{stroke:var(--warn);stroke-dasharray:1 3;stroke-linecap:round}
.leader.good{stroke:var(--good);stroke-dasharray:2 5}
.mark path{stroke:var(--soft);fill:var(--paper);stroke-width:1.6;stroke-linejoin:round}
.mark.good path{stroke:var(--good)}
.mark.warn path{stroke:var(--warn)}
.mark.bad path{stroke:var(--bad)}
.mark.boot path{fill:var(--good)}
.mark.crash path{stroke-width:3;fill:none}
.mark.strict path{fill:var(--ink);stroke:var(--ink)}
.mark.relaxed path{stroke:var(--ink)}
.mark.ack path{stroke-width:1.8}
.mark.step path{fill:var(--ink);stroke:var(--ink)}
.mark.note path{fill:var(--soft)}
.mark.state.warn path{fill:var(--warn)}
.mark.violated path{fill:var(--bad);stroke:var(--paper);stroke-width:2}
.mark.violated text{fill:var(--paper);font-size:12px;font-weight:700;text-anchor:middle}
.life.failing{stroke:var(--soft)}
.label rect{fill:none}
.label text{paint-order:stroke;stroke:var(--paper);stroke-width:4px;stroke-linejoin:round}
.label.good text{fill:var(--good)}
.label.warn text{fill:var(--warn)}
.label.bad text{fill:var(--bad)}
.label.lane.bad text{font-weight:600}
.label.fold text{fill:var(--soft);stroke:var(--wash)}
.failure .line{stroke:var(--bad);stroke-width:2;stroke-dasharray:7 4}
.label.failure rect{fill:var(--bad-wash);fill-opacity:1;stroke:var(--bad)}
.label.failure text{font-weight:600;stroke:none}
body:has(#small:not(:checked)) .drawing .message.small,body:has(#writes:not(:checked)) .drawing .mark:is(.strict,.relaxed),body:has(#kube:not(:checked)) .drawing .of-kube{display:none}
details{margin-top:18px}
summary{cursor:pointer;font-weight:600}
pre{margin:8px 0 0;font-size:12px;line-height:1.45}
@media print{.sticky{position:static}.filters{display:none}}
`
