"""How the page of the API reference looks, and the policy that lets it look so and do nothing.

Invariant: the page runs no script and loads nothing; its one style sheet is allowed by its hash.
"""

from base64 import b64encode
from hashlib import sha256
from typing import Final

from watchword.web.answers import Header

STYLE: Final = """
:root{color-scheme:light dark;--page:#fff;--ink:#1c2128;--soft:#57606a;--line:#d8dee4;
--wash:#f4f6f8;--link:#0b57a4;--get:#0b57a4;--post:#116329;--put:#7a4b00;--delete:#a40e26}
@media(prefers-color-scheme:dark){:root{--page:#0f1217;--ink:#e4e8ed;--soft:#9da7b3;--line:#2b323b;
--wash:#171c23;--link:#84bcff;--get:#84bcff;--post:#74d88f;--put:#e5b84b;--delete:#ff9a97}}
*{box-sizing:border-box}
html{scroll-padding-top:1rem}
body{margin:0 auto;padding:0 1.25rem 4rem;max-width:72rem;background:var(--page);color:var(--ink);
font:1rem/1.55 system-ui,sans-serif;overflow-wrap:anywhere}
code,pre,.refusals a{font-family:ui-monospace,"Cascadia Mono",Menlo,Consolas,monospace;
font-size:.875em}
a{color:var(--link);text-underline-offset:.2em}
a:focus-visible,summary:focus-visible{outline:2px solid var(--link);outline-offset:2px}
.skip{position:absolute;left:-99rem}
.skip:focus{left:1rem;top:1rem;padding:.5rem 1rem;background:var(--page)}
header{padding:2.5rem 0 1rem}
h1{margin:0;font-size:1.75rem;line-height:1.2}
header p{margin:.25rem 0 0;color:var(--soft)}
h2{margin:3rem 0 1rem;padding-bottom:.35rem;border-bottom:1px solid var(--line);font-size:1.35rem}
h3{margin:0;font-size:1.05rem;font-weight:600}
article{margin:0 0 1rem;padding:1rem 1.15rem 1.15rem;border:1px solid var(--line);
border-radius:.5rem}
article:target,.codes div:target{border-color:var(--link);box-shadow:0 0 0 1px var(--link)}
article>p{margin:.15rem 0 .85rem;color:var(--soft)}
.get{color:var(--get)}.post{color:var(--post)}.put,.patch{color:var(--put)}
.delete{color:var(--delete)}
dl{margin:0}
article dt{margin-top:.6rem;color:var(--soft);font-size:.875rem}
dd{margin:0}
dd p,dd ul,dd table{margin:0}
ul{padding-left:1.25rem}
li{margin:.3rem 0}
dd ul{padding:0;list-style:none}
dd li{margin:0}
.refusals{display:flex;flex-wrap:wrap;gap:0 1.5rem}
table{border-collapse:collapse;width:100%;font-size:.925rem}
th,td{padding:.3rem .6rem .3rem 0;text-align:left;vertical-align:top;
border-bottom:1px solid var(--line);overflow-wrap:break-word}
th{white-space:nowrap;color:var(--soft);font-weight:400;font-size:.875rem}
pre{margin:0;padding:.6rem .75rem;background:var(--wash);border-radius:.35rem;white-space:pre-wrap}
.codes div{padding:.6rem .75rem;border:1px solid transparent;border-radius:.35rem}
.codes div:nth-child(odd){background:var(--wash)}
.codes b{margin-left:.5rem;color:var(--soft);font-weight:400}
.refusals a{margin-right:.35rem;font-size:.8rem;text-decoration:none}
.refusals a:hover{text-decoration:underline}
nav{font-size:.875rem}
nav summary{padding:.5rem 0;font-weight:600;cursor:pointer}
nav ul{padding:0;list-style:none}
nav li ul{margin:.2rem 0 1rem}
nav li{margin:.1rem 0}
nav a{text-decoration:none}
nav a:hover{text-decoration:underline}
nav li li a{display:block;padding:.1rem 0;color:var(--ink)}
nav code{font-size:.8rem}
footer{margin-top:3rem;color:var(--soft);font-size:.875rem}
@media(min-width:40rem){article dl{display:grid;grid-template-columns:6rem minmax(0,1fr);
gap:.6rem 1rem}article dt{margin-top:.1rem}}
@media(min-width:64rem){.columns{display:grid;grid-template-columns:17rem minmax(0,1fr);gap:3rem}
nav{position:sticky;top:0;align-self:start;max-height:100vh;overflow:auto;
scrollbar-width:thin;padding:1rem 0}
main>section:first-child h2{margin-top:1rem}
@supports selector(::details-content){nav summary{display:none}
nav details::details-content{display:block;content-visibility:visible}}}
"""

_HASH = b64encode(sha256(STYLE.encode()).digest()).decode()

DOCS_POLICY: Final[Header] = (
    b"content-security-policy",
    f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'".encode(),
)
