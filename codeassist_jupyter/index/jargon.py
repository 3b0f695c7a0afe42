"""What code writes for the words of a question: `number` is `num` or `n`, `delete` is `remove`.

General knowledge of programming; nothing of any project.
"""

from __future__ import annotations

from .tokens import code_tokens

_TABLE = """
absolute: abs
administrator: admin
argument: arg args kwargs
array: arr
attribute: attr
average: mean
boolean: bool
calculate: compute calc
check: validate has
column: col
compare: cmp
compute: calc
configuration: config
correlation: corr
covariance: cov
create: make new
database: db
datetime: dt
delete: remove
delimiter: sep
dictionary: dict
directory: dir
display: show
distance: dist
distribution: dist
document: doc
element: elem
equal: eq
error: err
expression: expr
fetch: get
frequency: freq
index: idx
indices: idx
initialize: init
instance: obj
integer: int
length: len
matrix: mat
maximum: max
message: msg
minimum: min
module: mod
multiple: multi
number: num n
object: obj
obtain: get
parameter: param
position: pos
previous: prev
print: show
probability: prob
random: rand rng
regex: re
remove: drop
request: req
reset: clear
response: resp
retrieve: get
separator: sep
size: len
specification: spec
standard: std
string: str
support: has
temporary: tmp
timestamp: ts
validate: check
value: val
vector: vec
yield: iter
"""


def in_code(text: str) -> str:
    """The words that code may write for those of a text, without those of the text itself."""
    words = dict.fromkeys(code_tokens(text))
    short = (other for word in words for other in _IN_CODE.get(word, ()))
    return " ".join(word for word in dict.fromkeys(short) if word not in words)


_IN_CODE = {
    code_tokens(word)[0]: tuple(others.split())
    for word, _, others in (line.partition(":") for line in _TABLE.split("\n") if line)
}
