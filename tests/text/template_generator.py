"""Random templates in the language of chat templates, from a seed: the same seed gives the same template.

Most are sensible enough to render; some are wrong on purpose (an operator on types that have none), since what Jinja
refuses must be refused too.
"""

import random

VARIABLES = {
    "s": "Hello World",
    "t": "  two\nlines\tand é漢字🎉 ",
    "q": "it's \"q\" <b>&\\",
    "z": "",
    "n": 7,
    "m": -3,
    "o": 0,
    "f": 2.5,
    "g": -0.125,
    "b": True,
    "c": False,
    "v": None,
    "l": [3, 1, 2],
    "k": ["b", "A", "c", "a"],
    "e": [],
    "d": {"x": 1, "y": "two", "z": None, "items": 3, "n": {"a": [1, {"b": 2.0}]}},
    "h": {},
    "r": [{"role": "user", "content": "hi", "n": 2}, {"role": "assistant", "content": None}, {"role": "tool", "n": 1}],
    "mix": [1, "1", 2.0, None, True, [1], {"a": 1}],
}
STRINGS = ["''", "'a'", "'ab c'", "' x '", '"it\'s"', "'\\n'", "'é'", "'%s'", "'{}'", "'x,y,,z'", "'Hello'", "'12'", "'1.5'",
           "'\\u00e9\\t'", "'\\\\d'", "'ÀB'", "'ǆ'", "'<&>'", "'role'", "'n'", "'x'"]
NUMBERS = ["0", "1", "2", "-1", "3", "10", "2.0", "0.1", "1e3", "1_000", "0x10", "-2.5", "1e20", "7"]
TEXT_FILTERS = ["trim", "upper", "lower", "title", "capitalize", "length", "list", "first", "last", "reverse", "string", "safe", "escape",
                "e", "wordcount", "int", "float", "tojson", "indent", "indent(2, true)", "indent('> ', blank=true)",
                "replace('l', 'L')", "replace('', '-', 2)", "trim('H ')", "default('d')", "d('d', true)", "truncate(5)",
                "truncate(7, true, '…')", "center(20)", "urlencode", "format(1)", "join('-')", "count", "batch(3)|list", "unique|list",
                "forceescape", "sort|join", "max", "min", "slice(2)|list", "map('upper')|list", "select('in', 'aeiou')|join"]
NUMBER_FILTERS = ["abs", "round", "round(1)", "round(1, 'floor')", "round(0, 'ceil')", "int", "float", "string", "tojson", "default(3)",
                  "round(-1)", "int(base=16)", "d(1, true)"]
LIST_FILTERS = ["length", "first", "last", "join(', ')", "join", "sort", "sort(reverse=true)", "sort(case_sensitive=true)", "reverse|list",
                "unique|list", "sum", "max", "min", "list", "tojson", "tojson(indent=2)", "map('string')|list", "select('odd')|list",
                "reject('none')|list", "batch(2)|list", "batch(2, 'x')|list", "slice(2)|list", "slice(2, 0)|list", "string", "select|list",
                "map('int')|sum", "reject('string')|list", "select('gt', 1)|list", "first|upper", "tojson(separators=(',', ':'))"]
DICT_LIST_FILTERS = ["map(attribute='role')|list", "map(attribute='n', default=0)|list", "selectattr('n')|list|length",
                     "selectattr('role', 'equalto', 'user')|list", "rejectattr('content', 'none')|map(attribute='role')|join(',')",
                     "selectattr('content', 'defined')|list", "sort(attribute='role')|map(attribute='role')|list", "tojson",
                     "groupby('role')|list", "groupby('n', default=0)|list", "unique(attribute='role')|list|length", "first", "last", "length",
                     "sum(attribute='n')", "max(attribute='role')", "sort(attribute='n')|list", "tojson(sort_keys=true, indent=1)"]
DICT_FILTERS = ["items|list", "dictsort", "dictsort(reverse=true)", "dictsort(by='value')", "length", "list", "tojson", "tojson(true)",
                "tojson(indent='\t')", "string", "first", "last", "join(',')"]
TESTS = ["defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "mapping", "sequence", "iterable", "true",
         "false", "odd", "even", "divisibleby(2)", "divisibleby 3", "eq 1", "equalto('a')", "ne(2)", "lt 3", "gt(1)", "ge 2", "le(2)",
         "in [1, 'a', none]", "in 'abc'", "sameas true", "sameas none", "callable", "lower", "upper", "escaped", "filter", "test"]
STRING_METHODS = ["upper()", "lower()", "title()", "capitalize()", "swapcase()", "strip()", "lstrip()", "rstrip()", "strip('Hd ')",
                  "split()", "split(' ')", "split('l', 1)", "rsplit('l', 1)", "rsplit()", "rsplit(none, 1)", "splitlines()",
                  "splitlines(true)", "startswith('He')", "startswith(('x', ' '))", "endswith('d')", "find('l')", "find('l', 4)", "rfind('l')",
                  "count('l')", "count('')", "replace('l', '')", "replace('', '.')", "replace('o', '0', 1)", "isdigit()", "isalpha()",
                  "isupper()", "islower()", "isspace()", "istitle()", "isalnum()", "isnumeric()", "isascii()", "partition('o')",
                  "rpartition('o')", "zfill(14)", "center(15, '*')", "ljust(13)", "rjust(13, '.')", "removeprefix('He')",
                  "removesuffix('ld')", "join(['a', 'b'])", "join(k)", "index('o')", "format(1, a=2)", "isprintable()", "split('')",
                  "find('l', -4, -1)", "count('l', 3)", "isdecimal()", "index('nope')", "encode", "nope", "nope()"]
LIST_METHODS = ["index(1)", "count(1)", "copy()", "append(1)", "pop()", "index('nope')", "nope", "sort()", "clear"]
DICT_METHODS = ["items()|list", "keys()|list", "values()|list", "get('x')", "get('nope')", "get('nope', 'd')", "get('n').a", "copy()", "items()",
                "keys()", "values()", "pop('x')", "update({})", "x", "nope", "items", "n.a[1].b", "['x']", "['items']", "nope.deeper"]
FORMATS = ["'%s' % s", "'%5d|%-5d|%05d' % (n, m, n)", "'%.2f' % f", "'%x %o %X' % (n, n, 255)", "'%s %r' % (q, q)", "'%(x)s' % d", "'%%'  % ()",
           "'%e %g' % (f, f)", "'%c' % 'a'", "'%s' % (l,)", "'%s' % l", "'%d' % s", "'%s %s' % s", "'%+d % d' % (n, n)", "'%#x' % 255",
           "'{:>6}|{:<6}|{:^6}'.format(s[:2], n, f)", "'{0}{1}{0}'.format(n, m)", "'{a!r:>8}'.format(a=q[:2])", "'{:.3f} {:,} {:+}'.format(f, 1234567, n)",
           "'{:08.3f}'.format(g)", "'{d[x]} {d[y]}'.format(d=d)", "'{:x} {:#b} {:o}'.format(255, 5, 8)", "'{{}}'.format()", "'{:%}'.format(0.25)",
           "'{} {}'.format(1)", "'{:*^{w}}'.format('x', w=5)", "'{:.2}'.format('abc')", "'{:5}|{:5}'.format('a', 1)", "'{:e}'.format(12345.678)",
           "'{:.3}'.format(1234.5)", "'{:g}'.format(1e10)", "'{:d}'.format(b)", "'{}'.format(none)", "'{:>5}'.format(none)"]


class TemplateGenerator:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.locals = []

    def choose(self, *options):
        return self.random.choice(options)

    def chance(self, share):
        return self.random.random() < share

    # Expressions by the type they mostly have.

    def text(self, depth):
        if depth <= 0 or self.chance(0.25):
            return self.choose("s", "t", "q", "z", "s", self.random.choice(STRINGS))
        return self.random.choice([
            lambda: f"{self.text(depth - 1)} ~ {self.anything(depth - 1)}",
            lambda: f"({self.text(depth - 1)} + {self.text(depth - 1)})",
            lambda: f"({self.text(depth - 1)})|{self.random.choice(TEXT_FILTERS)}",
            lambda: f"{self.simple('s', 't', 'q')}.{self.random.choice(STRING_METHODS)}",
            lambda: f"({self.text(depth - 1)}).{self.random.choice(STRING_METHODS)}",
            lambda: f"{self.simple('s', 't')}{self.slice(depth)}",
            lambda: f"({self.text(depth - 1)} if {self.truth(depth - 1)} else {self.text(depth - 1)})",
            lambda: f"({self.random.choice(FORMATS)})",
            lambda: f"{self.text(0)} * {self.choose('2', '0', '3', 'm')}",
            lambda: f"({self.text(depth - 1)}|safe + {self.text(depth - 1)})",
        ])()

    def number(self, depth):
        if depth <= 0 or self.chance(0.3):
            return self.choose("n", "m", "o", "f", "g", "b", self.random.choice(NUMBERS))
        return self.random.choice([
            lambda: f"({self.number(depth - 1)} {self.choose('+', '-', '*', '/', '//', '%')} {self.number(depth - 1)})",
            lambda: f"({self.choose('n', 'f', 'o', '2', '3')} ** {self.choose('2', '3', '0', '0.5', 'm', '-1')})",
            lambda: f"-{self.number(depth - 1)}",
            lambda: f"({self.number(depth - 1)})|{self.random.choice(NUMBER_FILTERS)}",
            lambda: f"{self.sequence(depth - 1)}|length",
            lambda: f"({self.text(depth - 1)})|int",
            lambda: f"{self.simple('l', 'mix')}[{self.number(0)}]",
        ])()

    def sequence(self, depth):
        if depth <= 0 or self.chance(0.3):
            return self.choose("l", "k", "e", "r", "mix", "[1, 2, 3]", "['x', 'y']", "(1, 'a')", "range(4)", "[]", "(2,)")
        return self.random.choice([
            lambda: "[" + ", ".join(self.anything(depth - 1) for _ in range(self.random.randrange(4))) + "]",
            lambda: f"({self.sequence(depth - 1)})|{self.random.choice(LIST_FILTERS)}",
            lambda: f"r|{self.random.choice(DICT_LIST_FILTERS)}",
            lambda: f"({self.sequence(depth - 1)} + {self.sequence(depth - 1)})",
            lambda: f"{self.simple('l', 'k', 'mix', 'r')}{self.slice(depth)}",
            lambda: f"{self.simple('l', 'k')}.{self.random.choice(LIST_METHODS)}",
            lambda: f"{self.text(depth - 1)}.split({self.choose('', repr(' '), repr('l'))})",
            lambda: f"{self.sequence(0)} * {self.choose('2', '0')}",
        ])()

    def mapping(self, depth):
        if depth <= 0 or self.chance(0.4):
            return self.choose("d", "h", "r[0]", "{'a': 1}", "{}")
        return self.random.choice([
            lambda: "{" + ", ".join(f"{self.choose(self.text(0), self.number(0))}: {self.anything(depth - 1)}" for _ in range(self.random.randrange(4))) + "}",
            lambda: f"({self.mapping(depth - 1)})|{self.random.choice(DICT_FILTERS)}",
            lambda: f"{self.simple('d', 'h')}.{self.random.choice(DICT_METHODS)}",
            lambda: "dict(a=1, b=2)",
            lambda: "dict(d, x=2)",
        ])()

    def truth(self, depth):
        if depth <= 0:
            return self.choose("b", "c", "v", "true", "false", "n > 2", "undefinedname")
        return self.random.choice([
            lambda: f"{self.anything(depth - 1)} is {self.choose('', 'not ')}{self.random.choice(TESTS)}",
            lambda: f"{self.number(depth - 1)} {self.choose('<', '>', '<=', '>=', '==', '!=')} {self.number(depth - 1)}",
            lambda: f"{self.anything(depth - 1)} {self.choose('==', '!=', 'in', 'not in', '<')} {self.anything(depth - 1)}",
            lambda: f"({self.truth(depth - 1)} {self.choose('and', 'or')} {self.truth(depth - 1)})",
            lambda: f"not {self.truth(depth - 1)}",
            lambda: f"{self.number(0)} < {self.number(0)} <= {self.number(0)}",
            lambda: f"{self.text(0)} in {self.text(0)}",
            lambda: f"{self.text(0)} in {self.simple('d', 'k', 'mix')}",
        ])()

    def anything(self, depth):
        kinds = [self.text, self.text, self.number, self.sequence, self.mapping, self.truth]
        if self.locals and self.chance(0.25):
            return self.random.choice(self.locals)
        if self.chance(0.04):
            return self.choose("v", "none", "undefinedname", "d.nope", "d.z", "r[1].n", "undefinedname.x" if self.chance(0.2) else "v")
        return self.random.choice(kinds)(depth)

    def simple(self, *names):
        return self.random.choice(names)

    def slice(self, depth):
        bound = lambda: self.choose("", "1", "-1", "2", "-3", "0", "100", "n")
        return self.choose(f"[{bound()}:{bound()}]", f"[{bound()}:{bound()}:{self.choose('', '1', '-1', '2', '-2')}]", "[0]", "[-1]", "[1]", "[99]",
                           f"[{self.number(0)}]")

    # Statements.

    def space(self):
        return self.choose("", "", "\n", "  ", "\n  ", " \n", "text", "text \n", "  text", "\n\n", "\t")

    def tag(self, content):
        return "{%" + self.choose("", "", "-", "+") + " " + content + " " + self.choose("", "", "-", "+") + "%}"

    def output(self, depth):
        return "{{" + self.choose("", "-") + " " + self.anything(depth) + " " + self.choose("", "-") + "}}"

    def block(self, depth, in_loop=False):
        return "".join(self.space() + self.statement(depth, in_loop) for _ in range(self.random.randrange(1, 4))) + self.space()

    def statement(self, depth, in_loop):
        if depth <= 0 or self.chance(0.3):
            return self.output(2)
        kinds = [self.if_, self.for_, self.recursive_for, self.set_, self.set_block, self.macro, self.namespace, self.comment, self.filter_block, self.with_,
                 self.call, self.raw, self.generation]
        if in_loop:
            kinds += [self.loop_use, self.loop_use, self.loop_control]
        return self.random.choice(kinds)(depth, in_loop)

    def if_(self, depth, in_loop):
        text = self.tag("if " + self.truth(2)) + self.block(depth - 1, in_loop)
        if self.chance(0.4):
            text += self.tag("elif " + self.truth(1)) + self.block(depth - 1, in_loop)
        if self.chance(0.5):
            text += self.tag("else") + self.block(depth - 1, in_loop)
        return text + self.tag("endif")

    def for_(self, depth, in_loop):
        target, source = self.random.choice([
            ("x", self.sequence(1)), ("x", self.choose("l", "k", "r", "e", "s", "d", "undefinedname")), ("a, x", "d.items()"),
            ("(a, x)", "d|dictsort(by='key')"), ("x", "range(3)"), ("x", self.anything(1)), ("a, x", "[[1, 2], (3, 4)]"), ("x", "k|reverse"),
            ("x", "r|selectattr('n')"),
        ])
        condition = self.choose("", "", "", f" if {self.choose('x', 'x is defined', 'x != 1', self.truth(1))}")
        outside = list(self.locals)
        self.locals += ["x", "loop.index"]
        text = self.tag(f"for {target} in {source}{condition}") + self.block(depth - 1, True)
        self.locals = outside
        if self.chance(0.3):
            text += self.tag("else") + self.block(depth - 1, in_loop)
        return text + self.tag("endfor")

    def recursive_for(self, depth, in_loop):
        source = self.choose("[1, [2, [3]], s]", "d.values()", "r", "[l, k]", "[[], [[]]]", self.sequence(1))
        condition = self.choose("", "", " if x", f" if {self.truth(1)}")
        outside = list(self.locals)
        self.locals += ["x", "loop.depth0"]
        text = self.tag(f"for x in {source}{condition} recursive") + self.block(depth - 1, True)
        text += "{{ loop(x) if x is " + self.choose("sequence and x is not string", "mapping", "iterable and x is not string") + " }}"
        text += self.block(0, True)
        self.locals = outside
        if self.chance(0.3):
            text += self.tag("else") + self.block(depth - 1)
        return text + self.tag("endfor")

    def loop_use(self, depth, in_loop):
        name = self.choose("index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem", "depth",
                           "cycle('a', 'b')", "changed(x)", "nope")
        return "{{ loop." + name + " }}"

    def loop_control(self, depth, in_loop):
        return self.tag("if " + self.choose("loop.index > 2", "x == 1", "loop.first", self.truth(1))) + self.tag(
            self.choose("break", "continue")) + self.tag("endif")

    def set_(self, depth, in_loop):
        name = self.choose("p", "y", "x", "s", "p, y")
        value = self.anything(2) if name != "p, y" else self.choose("1, 2", "[1, 2]", "'ab'", "(n, s)", "l")
        text = self.tag(f"set {name} = {value}")
        self.locals.append(name.split(",")[0])
        return text

    def set_block(self, depth, in_loop):
        return self.tag("set p" + self.choose("", " | trim", " | upper | trim")) + self.block(depth - 1, in_loop) + self.tag("endset") + "{{ p }}"

    def macro(self, depth, in_loop):
        signature = self.choose("a", "a, x=1", "a='d', x=none", "", "a, caller=none")
        body = self.block(depth - 1) + self.choose("", "{{ a }}|{{ x }}", "{{ varargs }}{{ kwargs }}", "{{ caller() if caller }}")
        calls = ["f()", "f"]
        if "varargs" in body or "a" in signature:
            calls += ["f(1)", "f(a=2)", "f(**{'a': 5})"]
        if "varargs" in body or "x" in signature or self.chance(0.1):
            calls += ["f('a', 'b')", "f(1, x=3)", "f(*[1, 2])"]
        if "varargs" in body or self.chance(0.05):
            calls += ["f(1, 2, 3)", "f(zz=1)"]
        call = self.random.choice(calls)
        return self.tag(f"macro f({signature})") + body + self.tag("endmacro") + self.space() + "{{ " + call + " }}"

    def call(self, depth, in_loop):
        parameters, inner = self.choose(("", "caller()"), ("(x)", "caller(1)"), ("(x, y=2)", "caller('a', 'b')"), ("(x=n)", "caller()"),
                                        ("", "caller(1)"))
        return (self.tag("macro w(a=1)") + "[{{ a }}:{{ " + inner + " }}]" + self.tag("endmacro") + self.tag(f"call{parameters} w()")
                + self.block(depth - 1) + "{{ x }}" + self.tag("endcall"))

    def namespace(self, depth, in_loop):
        text = self.choose("{% set ns = namespace(count=0, text='') %}", "{% set ns = namespace(d, count=1) %}", "{% set ns = dict() %}"
                           if self.chance(0.1) else "{% set ns = namespace(count=n) %}")
        return text + self.tag("set ns.count = " + self.choose("ns.count + 1", self.anything(1))) + "{{ ns.count }}"

    def comment(self, depth, in_loop):
        return "{#" + self.choose("", "-") + " " + self.choose("note", "{{ x }}", "{% if %}", "a\nb") + " " + self.choose("", "-") + "#}"

    def filter_block(self, depth, in_loop):
        return self.tag("filter " + self.choose("upper", "trim", "replace('a', 'b')", "length", "indent(2)|upper")) + self.block(
            depth - 1, in_loop) + self.tag("endfilter")

    def with_(self, depth, in_loop):
        return self.tag("with x = " + self.anything(1) + self.choose("", ", y = n")) + self.block(depth - 1, in_loop) + self.tag("endwith")

    def raw(self, depth, in_loop):
        return "{%" + self.choose("", "-", "+") + " raw " + self.choose("", "-") + "%}" + self.choose("{{ x }}", "{% if %}\n", "a\n", " {# #} ") + self.tag("endraw")

    def generation(self, depth, in_loop):
        return self.tag("generation") + self.block(depth - 1) + self.tag("endgeneration")


def make_template(seed):
    """A template; its variables are VARIABLES."""
    generator = TemplateGenerator(seed)
    if seed % 3 == 0:
        return "{{ " + generator.anything(3) + " }}"
    return generator.block(3)
