#include "report/html_style.h"

namespace ptq {
namespace {

// Classes of the plots: fp32, int8, warm (what stays in float), easy, moderate, hard, and s0 … s5
// for series.
constexpr std::string_view kStyle = R"css(
:root{color-scheme:light dark;--bg:#fff;--card:#f6f8fa;--ink:#1c2128;--dim:#59636e;--rule:#d1d9e0;
--grid:#e4e8ec;--link:#0a5ca8;--good:#1a7f4b;--bad:#b3261e;--fp32:#8c959f;--int8:#0072b2;
--warm:#d55e00;--easy:#0072b2;--moderate:#b07800;--hard:#c43c00;--zgood:#e3f1ea;--zmid:#fdf3d8;
--zbad:#fbe5dd;--s0:#0072b2;--s1:#d55e00;--s2:#009e73;--s3:#b8578f;--s4:#a67c00;--s5:#3a8fc4}
@media (prefers-color-scheme:dark){:root{--bg:#0f1318;--card:#171c23;--ink:#e6eaee;--dim:#9aa5b1;
--rule:#303841;--grid:#252c34;--link:#6cb6ff;--good:#4cc38a;--bad:#ff7b6b;--fp32:#7d8792;
--int8:#4aa8e8;--warm:#f08a45;--easy:#4aa8e8;--moderate:#e3b341;--hard:#ff8257;--zgood:#14271f;
--zmid:#2b2613;--zbad:#311d18;--s0:#4aa8e8;--s1:#f08a45;--s2:#35c79a;--s3:#dd8fbd;--s4:#e3b341;
--s5:#9fd3f5}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}
body{margin:0;background:var(--bg);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif}
a{color:var(--link)}
.wrap{max-width:1180px;margin:0 auto;padding:0 16px 64px}
header.top{padding:32px 0 8px}
.kicker{margin:0;color:var(--dim);font-size:.8rem;letter-spacing:.06em;text-transform:uppercase}
h1{margin:.1em 0 .2em;font-size:1.75rem;line-height:1.2;overflow-wrap:anywhere}
h2{margin:0 0 .4em;font-size:1.25rem;line-height:1.3}
h3{margin:1.5em 0 .4em;font-size:1rem}
p{margin:.5em 0;max-width:72ch;overflow-wrap:anywhere}
section{margin:0 0 28px;padding:20px;border:1px solid var(--rule);border-radius:10px;
scroll-margin-top:12px;min-width:0}
nav ol{list-style:none;margin:8px 0 24px;padding:0;display:flex;flex-wrap:wrap;gap:6px}
nav a{display:block;padding:3px 10px;border:1px solid var(--rule);border-radius:99px;
font-size:.85rem;text-decoration:none;color:var(--ink)}
nav a:hover,nav a:focus{border-color:var(--link);color:var(--link)}
nav .none a{color:var(--dim);border-style:dashed}
.lead{color:var(--dim);margin-top:0}
.note{color:var(--dim);font-size:.9rem}
.absent{margin:0;color:var(--dim)}
code,.id{font-family:ui-monospace,"SFMono-Regular",Consolas,"DejaVu Sans Mono",monospace;
font-size:.85em}
code{overflow-wrap:anywhere}
.next{max-width:none}.next code{display:block;margin-top:4px;padding:10px 14px;border-radius:8px;
background:var(--card);text-indent:-1.5em;padding-left:2.5em}
.verdict{border-width:2px}
.verdict.pass{border-color:var(--good)}.verdict.fail{border-color:var(--bad)}
.state{display:flex;align-items:center;gap:12px;margin:0;font-size:1.15rem;font-weight:600}
.badge{flex:none;padding:4px 14px;border-radius:99px;font-size:1rem;letter-spacing:.04em;
color:var(--bg);background:var(--dim)}
.pass .badge{background:var(--good)}.fail .badge{background:var(--bad)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(max(140px,22%),1fr));gap:12px;margin:18px 0 0}
.tile{padding:12px 14px;border-radius:8px;background:var(--card);min-width:0}
.tile dt{color:var(--dim);font-size:.8rem}
.tile dd{margin:0;font-size:1.45rem;font-weight:650;line-height:1.3;font-variant-numeric:tabular-nums}
.tile dd.more{color:var(--dim);font-size:.82rem;font-weight:400;overflow-wrap:anywhere}
.gates{list-style:none;margin:14px 0 0;padding:0}
.gates li{padding:3px 0 3px 1.7em;text-indent:-1.7em;overflow-wrap:anywhere}
.gates .yes::before{content:"\2713";color:var(--good);font-weight:700;display:inline-block;
width:1.7em;text-indent:0}
.gates .no::before{content:"\2715";color:var(--bad);font-weight:700;display:inline-block;
width:1.7em;text-indent:0}
.gates .maybe::before{content:"?";color:var(--moderate);font-weight:700;display:inline-block;
width:1.7em;text-indent:0}
.gates .say::before{content:"\2022";color:var(--dim);display:inline-block;width:1.7em;text-indent:0}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,330px),1fr));gap:8px 36px}
.pair>*{min-width:0}
.plot{margin:14px 0 6px;padding:0 14px 0 52px}
.plot .area{display:block;overflow:visible}
.ytitle{margin:0 0 10px -52px;color:var(--dim);font-size:.8rem}
.xtitle{margin-top:24px;color:var(--dim);font-size:.8rem;text-align:right}
.flat{padding-left:4px}.flat .ytitle{display:none}
.bars{display:block;margin:8px 0;overflow:visible}
svg text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif;
fill:var(--dim);font-variant-numeric:tabular-nums}
svg .label{font-size:13px;fill:var(--ink)}svg .value{font-weight:600}
.end{text-anchor:end}.mid{text-anchor:middle}
.grid{stroke:var(--grid);stroke-width:1}.axis{stroke:var(--dim);stroke-width:1}
.tickmark{stroke:var(--dim);transform:translateY(0);stroke-dasharray:4}
svg.at,svg.path{overflow:visible}
.line{fill:none;stroke-width:2;vector-effect:non-scaling-stroke;stroke-linejoin:round}
.thin{stroke:var(--rule);stroke-width:1.5}
.mark{stroke:var(--bg);stroke-width:1}
.ring{fill:var(--bg)!important;stroke-width:2}
.median{stroke:var(--ink);stroke-width:2}
.sev{color:var(--dim)}.sev.bad{color:var(--bad);font-weight:650}.sev.mid{color:var(--moderate);font-weight:650}
.limit{stroke:var(--ink);stroke-width:1.5;stroke-dasharray:5 4}
.zero{stroke:var(--dim);stroke-width:1}
.expected{stroke:var(--dim);stroke-width:1.5;stroke-dasharray:2 3}
.whisker{stroke:var(--ink);stroke-width:1.5}
.track{fill:var(--card)}.slice{stroke:var(--bg);stroke-width:1}
.zgood{fill:var(--zgood)}.zmid{fill:var(--zmid)}.zbad{fill:var(--zbad)}
.fp32{fill:var(--fp32);stroke:var(--fp32)}.int8{fill:var(--int8);stroke:var(--int8)}
.warm{fill:var(--warm);stroke:var(--warm)}.hist{fill:var(--fp32)}
.easy{fill:var(--easy);stroke:var(--easy)}.moderate{fill:var(--moderate);stroke:var(--moderate)}
.hard{fill:var(--hard);stroke:var(--hard)}
.s0{fill:var(--s0);stroke:var(--s0)}.s1{fill:var(--s1);stroke:var(--s1)}
.s2{fill:var(--s2);stroke:var(--s2)}.s3{fill:var(--s3);stroke:var(--s3)}
.s4{fill:var(--s4);stroke:var(--s4)}.s5{fill:var(--s5);stroke:var(--s5)}
.line.s1,.cut.s1{stroke-dasharray:7 3}.line.s2,.cut.s2{stroke-dasharray:2 3}
.line.s3,.cut.s3{stroke-dasharray:9 3 2 3}.line.s4{stroke-dasharray:4 2}.line.s5{stroke-dasharray:1 4}
.cut{stroke-width:2}.cut,.limit,.zero,.grid,.axis,.whisker{shape-rendering:crispEdges}
.mark.easy,.mark.moderate,.mark.hard,.mark.s0,.mark.s1,.mark.s2,.mark.s3,.mark.s4,.mark.s5,
.mark.int8,.mark.warm,.mark.fp32{stroke:var(--bg)}
.line{fill:none!important}
.legend{list-style:none;margin:8px 0;padding:0;display:flex;flex-wrap:wrap;gap:4px 18px;
font-size:.85rem;color:var(--dim)}
.legend li{display:flex;align-items:center;gap:7px;min-width:0}
.legend svg{flex:none;overflow:visible}
.small{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,330px),1fr));gap:12px 32px}
.small figure{margin:0;min-width:0}
.small figcaption{font-size:.85rem;color:var(--dim)}
.small figcaption b{display:block;color:var(--ink);overflow-wrap:anywhere}
details{margin:10px 0}
summary{cursor:pointer;color:var(--link);font-size:.9rem}
.scroll{overflow-x:auto;max-width:100%;margin:8px 0}
.tall{overflow-y:auto;max-height:30rem;border:solid var(--rule);border-width:1px 0}
.tall th{position:sticky;top:0;background:var(--bg);box-shadow:0 1px var(--rule)}
table{border-collapse:collapse;width:100%;font-size:.85rem;line-height:1.4}
th,td{padding:5px 14px 5px 0;text-align:left;vertical-align:baseline;border-bottom:1px solid var(--grid)}
th{color:var(--dim);font-weight:600;white-space:nowrap;border-bottom-color:var(--rule)}
th:last-child,td:last-child{padding-right:2px}td{min-width:5ch}td.id{min-width:16ch;overflow-wrap:anywhere}
.nw{white-space:nowrap}
.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
footer{color:var(--dim);font-size:.85rem}
@media (min-width:1080px){
.cols{display:grid;grid-template-columns:200px minmax(0,1fr);gap:32px;align-items:start}
nav{position:sticky;top:16px}nav ol{display:block;margin-top:0}
nav a{border:0;border-left:2px solid var(--rule);border-radius:0;padding:4px 12px}
nav .none a{border-left-style:dashed}section{padding:22px 26px}}
@media (max-width:480px){section{padding:16px 14px}h1{font-size:1.4rem}
.tiles{grid-template-columns:1fr 1fr}.tile dd{font-size:1.2rem}}
@media print{nav{display:none}.tall{max-height:none}section{break-inside:avoid}}
)css";

}  // namespace

std::string_view html_style() {
  return kStyle;
}

}  // namespace ptq
