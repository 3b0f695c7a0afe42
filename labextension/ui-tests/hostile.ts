/**
 * Answers that a model might be made to give. Each text stands alone; each address has "beacon" in it and each
 * script sets the title to "owned" or opens a dialog, so that one rule tells whether anything of it worked.
 */

const OWNED = `document.title='owned'`;
const SVG = `<svg onload="${OWNED}"></svg>`;

/** What is safe to follow with more text. */
const CLOSED: Record<string, string[]> = {
  scripts: [
    `<script>${OWNED}</script>`,
    `<SCRIPT SRC="https://beacon.example/s.js"></SCRIPT>`,
    `<script\n>${OWNED}</script\n>`,
    `<scr<script>ipt>${OWNED}</scr</script>ipt>`,
    `<script type="module">import("https://beacon.example/m.js")</script>`,
    `<noscript><p title="</noscript><img src=x onerror=alert(1)>"></noscript>`,
    `&lt;script&gt;${OWNED}&lt;/script&gt; &#60;script&#62;${OWNED}&#60;/script&#62;`,
    `\\<script>${OWNED}\\</script> \\&lt;img src=x onerror=alert(1)>`
  ],
  handlers: [
    `<img src="x" onerror="${OWNED}">`,
    `<img/src=x/onerror=alert(1)>`,
    `<b onmouseover="${OWNED}">hover</b> <p onclick=alert(1)>click</p>`,
    `<details open ontoggle="${OWNED}"><summary>more</summary></details>`,
    `<video><source onerror="${OWNED}"></video> <audio src=x onerror=alert(1)>`,
    `<div style="animation-name:x" onanimationstart="${OWNED}">a</div>`,
    `<input autofocus onfocus="${OWNED}"> <select autofocus onfocus=alert(1)>`,
    `<x contenteditable onbeforeinput=alert(1) popover id=p>a</x> <button popovertarget=p>b</button>`,
    `<marquee onstart="${OWNED}">a</marquee> <body onload="${OWNED}">`
  ],
  beacons: [
    `![pixel](https://beacon.example/1.png)`,
    `![pixel](//beacon.example/2.png "title") ![pixel](</files/beacon.png>)`,
    `![pixel][beacon] ![beacon][] ![beacon]\n\n[beacon]: https://beacon.example/3.png`,
    `[![pixel](https://beacon.example/4.png)](https://beacon.example/5)`,
    `<img srcset="https://beacon.example/6.png 1x, https://beacon.example/7.png 2x">`,
    `<picture><source srcset="https://beacon.example/8.png"><img src="x"></picture>`,
    `<p style="background:url(https://beacon.example/9.png)">a</p>`,
    `<style>@import "https://beacon.example/10.css"; @font-face{src:url(https://beacon.example/11)}</style>`,
    `<link rel="stylesheet" href="https://beacon.example/12.css"><link rel=prefetch href=https://beacon.example/13>`,
    `<link rel="dns-prefetch" href="//beacon.example"><table background="https://beacon.example/14.png">`,
    `<video poster="https://beacon.example/15.png"></video><audio src="https://beacon.example/16.mp3"></audio>`,
    `<a ping="https://beacon.example/17" href="#">a</a> <input type=image src=https://beacon.example/18>`,
    `![i](attachment:beacon.png) ![i](data:image/svg+xml,%3Csvg%20onload=alert(1)%3E) ![i](beacon-local.png)`
  ],
  frames: [
    `<iframe src="https://beacon.example/20"></iframe> <iframe srcdoc="<script>parent.${OWNED}</script>"></iframe>`,
    `<object data="https://beacon.example/21"></object> <embed src="https://beacon.example/22">`,
    `<meta http-equiv="refresh" content="0;url=https://beacon.example/23">`,
    `<base href="https://beacon.example/"> [relative](beacon/24)`,
    `<frameset><frame src="https://beacon.example/25"></frameset> <portal src=https://beacon.example/26>`,
    `<form action="https://beacon.example/27"><button>Sign in</button><input name=password></form>`,
    `<dialog open>Your session ended <input type=password></dialog>`
  ],
  foreign: [
    SVG,
    `<svg><foreignObject><iframe src="https://beacon.example/30"></iframe></foreignObject></svg>`,
    `<svg><use href="https://beacon.example/31#a"/><image href="https://beacon.example/32"/></svg>`,
    `<svg><a><animate attributeName=href values=javascript:alert(1) /><text>a</text></a></svg>`,
    `<svg><set attributeName="onmouseover" to="alert(1)"/><style>*{fill:url(https://beacon.example/33)}</style></svg>`,
    `<math><maction actiontype="statusline" xlink:href="javascript:alert(1)">a</maction></math>`,
    `<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>`,
    `<template><script>${OWNED}</script></template><slot name=x></slot><x-beacon is="a-b">a</x-beacon>`,
    `<![CDATA[<script>${OWNED}</script>]]> <?xml version="1.0"?> <!DOCTYPE html>`,
    `<!-- --!><img src=x onerror=alert(1)> --> <!--><img src=x onerror=alert(1)>-->`
  ],
  jupyter: [
    `<button data-commandlinker-command="filebrowser:create-main-launcher" data-commandlinker-args="{}">Run</button>`,
    `<a href="#" data-commandlinker-command="application:close-all">close</a>`,
    `<p data-commandlinker-command="notebook:restart-and-run-all">again</p>`,
    `<div class="jp-Dialog" data-jupyter-action="run"><button class="jp-mod-accept">OK</button></div>`,
    `<a data-jupyter-href="https://beacon.example/40" data-jupyter-src=x data-local-href=y>a</a>`,
    `<div class="lm-Widget jp-CodeAssist-actions"><jp-button>Insert below</jp-button></div>`,
    `<jp-toolbar-button command="runmenu:run-all"></jp-toolbar-button> [run](#commandlinker=application:close-all)`,
    `[c](command:application:close-all) [w](vscode://beacon) [f](file:///etc/passwd) [b](beacon.ipynb#x)`
  ],
  links: [
    `[a](javascript:${OWNED}) [a](JaVaScRiPt:alert(1)) <javascript:alert(1)>`,
    `[a](java&#x73;cript:alert(1)) [a](&#106;avascript:alert(1)) [a](javascript&colon;alert(1))`,
    `[a](java\tscript:alert(1)) [a](\u0001javascript:alert(1)) [a]( javascript:alert(1))`,
    `[a](data:text/html,<script>alert(1)</script>) [a](vbscript:msgbox) [a](blob:https://beacon.example/x)`,
    `[a][b] [a] [b]\n\n[b]: javascript:alert(1)\n[a]: <https://beacon.example/50> "t"`,
    `<https://beacon.example/51> https://beacon.example/52 www.beacon.example <me@beacon.example> me@beacon.example`,
    `<a href="javascript:${OWNED}">a</a> <a href=https://beacon.example/53 target=_blank>b</a> <a href="//beacon.example">c</a>`,
    `[a\`](https://beacon.example/54)\` \`[b\`](https://beacon.example/55) [c](<https://beacon.example/56>\n"t")`,
    `[x](https://beacon.example\\@good.example) [https://good.example](https://beacon.example/57) ftp://beacon.example`,
    `[^1] footnote\n\n[^1]: <img src=x onerror=alert(1)> [a](https://beacon.example/58)`
  ],
  clobbering: [
    `<a id="jupyterapp"></a><form id="body"><input name="parentNode"></form> <img name="getElementById">`,
    `# jupyterapp\n\n## document {#body}\n\n### constructor`,
    `<a id=jupyter-config-data>{"baseUrl":"https://beacon.example/"}</a>`,
    `| <img src=x onerror=alert(1)> | \`|\` [a](https://beacon.example/60) |\n|---|---|\n| ${SVG} | \`a|b\` |`,
    `- [ ] task <input type=checkbox onclick=alert(1)>\n> <script>${OWNED}</script>\n> > ![i](https://beacon.example/61)`,
    `- a\n\n      <img src=x onerror=alert(1)>\n  1. <iframe src=https://beacon.example/62>\n\n~~<b onclick=alert(1)>~~`
  ],
  tex: [
    `$\\href{javascript:alert(1)}{x}$ $\\url{https://beacon.example/70}$ \\(\\href{javascript:alert(1)}{y}\\)`,
    `$$\\require{html} \\class{jp-Dialog}{x} \\cssId{jupyterapp}{y} \\style{position:fixed}{z}$$`,
    `$\\includegraphics{https://beacon.example/71.png} \\htmlClass{a}{b} \\htmlData{x=1}{y} \\htmlId{a}{b}$`,
    `\\[\\data{commandlinker-command=application:close-all}{x}\\] $\\unicode[url(https://beacon.example/72)]{x41}$`,
    `$\\csname href\\endcsname{javascript:alert(1)}{x}$ $\\def\\a{\\href}\\a{javascript:alert(1)}{x}$`,
    `$\\let\\h\\href \\h{javascript:alert(1)}{x}$ $\\text{<img src=x onerror=alert(1)>}$ $a<img src=x onerror=alert(1)>b$`,
    `\\begin{align}\\href{javascript:alert(1)}{x}\\end{align} $\\bbox[url(https://beacon.example/73)]{x}$`,
    `$\\newcommand{\\x}[1]{\\href{#1}{x}} \\x{javascript:alert(1)}$ $\\mmlToken{mi}[href="javascript:alert(1)"]{x}$`
  ],
  fences: [
    '```mermaid\ngraph TD; a-->b; click a "https://beacon.example/80"\n```',
    '~~~ mermaid {x}\ngraph TD; a["<img src=x onerror=alert(1)>"]-->b\n~~~',
    '- list\n\n  ```mermaid\n  graph TD; a-->b\n  ```\n\n> ```MERMAID\n> graph TD; a-->b\n> ```',
    '```vega-lite\n{"data":{"url":"https://beacon.example/81.json"},"mark":"bar"}\n```',
    '```vega\n{"marks":[{"type":"image","encode":{"enter":{"url":{"value":"https://beacon.example/82"}}}}]}\n```',
    '```application/vnd.vega.v5+json\n{}\n```\n\n```html\n<script>document.title="owned"</script>\n```',
    '```"><img src=x onerror=alert(1)>\ncode\n```\n\n```js" onmouseover="alert(1)\ncode\n```',
    '````\n```\n<img src=x onerror=alert(1)>\n```\n````\n\n```~~~\n<img src=x onerror=alert(1)>\n```',
    '`<img src=x onerror=alert(1)>` ``a` <script>alert(1)</script> `` `![i](https://beacon.example/83)`',
    '```{mermaid}\ngraph TD; a-->b\n```\n\n```&#109;ermaid\ngraph TD; a-->b\n```\n\n```mer\\maid\ngraph TD; a-->b\n```'
  ],
  characters: [
    '\u001b]8;;https://beacon.example/90\u0007link\u001b]8;;\u0007 \u001b[31mred\u001b[0m \u001b[2J\u001b]52;c;YQ==\u0007',
    '\u202ereversed\u202c \u2066isolated\u2069 zero\u200bwidth\u200d \ufeffmark \u00ad \u{e0041}\u{e0042}',
    'lone \ud83d surrogate \udc3c and \u0000 null \u0008\u0008 back \u0085 \u2028 lines',
    '<\u200bscript>document.title="owned"<\u200b/script> <\u0000img src=x onerror=alert(1)> \uff1cscript\uff1e',
    `${'a'.repeat(5000)} ${'['.repeat(500)} ${'<b>'.repeat(200)} ${'> '.repeat(60)}x ${'*'.repeat(300)}`
  ]
};

/** What would swallow all that follows it. */
const UNCLOSED = [
  `<img src="https://beacon.example/100`,
  `<script>${OWNED}`,
  `<style>body{background:url(https://beacon.example/101)`,
  `<!-- <img src=x onerror=alert(1)> `,
  `<textarea><title><xmp><plaintext><noembed>`,
  '```html\n<img src=x onerror=alert(1)>',
  '~~~mermaid\ngraph TD; a-->b',
  `$$ \\href{javascript:alert(1)}{x} <img src=x onerror=alert(1)>`,
  `[a](https://beacon.example/102 "`,
  '`<img src=x onerror=alert(1)> ![i](https://beacon.example/103)'
];

/** Names of answers, and the texts of each. */
export const ANSWERS: Record<string, string[]> = {
  ...CLOSED,
  ...Object.fromEntries(UNCLOSED.map((text, index) => [`unclosed${index}`, [text]]))
};
