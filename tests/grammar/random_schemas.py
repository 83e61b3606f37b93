"""Random JSON Schemas of what is enforced, and random documents that satisfy them."""

import random
import string

WORDS = ["a", "b", "name", "é", "x y", 'q"uote', "back\\slash", "🙂", "", "line\nbreak", "ab", "abc"]
OTHER_WORDS = [word for word in WORDS if not set(word) & set('"\\\n')]  # names of unlisted properties are not escaped

# With strings that satisfy them.
PATTERNS = {
    r"^\d{3}-\w+$": ["123-a", "000-A_9"],
    r"[a-c]{2}": ["ab", "xx ab\n"],
    r"^(?:yes|no)$|^maybe": ["yes", "no", "maybe so"],
    r"^[^\"\\]*$": ["", "é", "plain /"],
    r'^"[\\/]+"$': ['"\\"', '"//"'],
    r"\S\s\S": ["a b"],
}
FORMATS = {
    "date": ["2024-12-31"],
    "date-time": ["2024-12-31T23:59:59Z"],
    "time": ["10:20:30.5+01:00"],
    "duration": ["P1DT2H"],
    "uuid": ["123e4567-e89b-12d3-a456-426614174000"],
    "ipv4": ["192.168.0.1"],
    "ipv6": ["fe80::1", "1:2:3:4:5:6:7:8"],
    "hostname": ["a.example.org"],
    "email": ["a.b@example.org"],
    "uri": ["https://example.org/a?b=c#d"],
}


class Schemas:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def text(self, low=0, high=12):
        n = self.random.randint(low, high)
        return "".join(self.random.choice(string.ascii_letters + ' "\\\né🙂/\t') for _ in range(n))

    def schema(self, depth=3):
        kinds = [self.string, self.pattern, self.format, self.integer, self.number, self.boolean, self.null, self.enum, self.const]
        if depth > 0:
            kinds += [self.object, self.object, self.array, self.array, self.any_of, self.map]
        return self.random.choice(kinds)(depth)

    def string(self, depth):
        schema = {"type": "string"}
        if self.random.random() < 0.4:
            schema["minLength"] = self.random.randint(0, 5)
        if self.random.random() < 0.4:
            schema["maxLength"] = schema.get("minLength", 0) + self.random.choice([0, 1, 7, 300])
        return schema

    def pattern(self, depth):
        return {"type": "string", "pattern": self.random.choice(list(PATTERNS))}

    def format(self, depth):
        return {"type": "string", "format": self.random.choice(list(FORMATS))}

    def bounds(self, digits):
        low = round(self.random.uniform(-1000, 1000) * self.random.choice([1, 0.01]), digits) + 0  # no -0.0
        high = round(low + self.random.choice([0, 0.5, 3, 500]), digits) + 0
        choices = [{}, {"minimum": low}, {"maximum": high}, {"minimum": low, "maximum": high}]
        choices.append({"exclusiveMinimum": low - 1, "exclusiveMaximum": high + 1})
        return self.random.choice(choices)

    def integer(self, depth):
        return {"type": "integer"} | self.bounds(None)

    def number(self, depth):
        return {"type": "number"} | self.bounds(self.random.choice([0, 1, 3]))

    def boolean(self, depth):
        return {"type": "boolean"}

    def null(self, depth):
        return {"type": "null"}

    def enum(self, depth):
        return {"enum": self.random.sample([1, -2.5, "a", "é\n", None, True, [1, "x"], {"k": {}}], self.random.randint(1, 4))}

    def const(self, depth):
        return {"const": self.random.choice(["only", 7, {"a": [1, None]}])}

    def object(self, depth):
        names = self.random.sample(WORDS, self.random.randint(0, 5))
        schema = {"type": "object", "properties": {name: self.schema(depth - 1) for name in names}}
        schema["required"] = [name for name in names if self.random.random() < 0.5]
        if self.random.random() < 0.6:
            schema["additionalProperties"] = self.random.choice([True, False, self.schema(0)])
        elif not names:
            schema["additionalProperties"] = False
        if self.random.random() < 0.2:
            schema["minProperties"] = len(schema["required"])
        if self.random.random() < 0.2:
            schema["maxProperties"] = len(schema["required"]) + self.random.randint(0, 2)
        return schema

    def map(self, depth):
        return {"type": "object", "additionalProperties": self.schema(depth - 1)}

    def array(self, depth):
        schema = {"type": "array", "items": self.schema(depth - 1)}
        if self.random.random() < 0.3:
            schema["prefixItems"] = [self.schema(depth - 1) for _ in range(self.random.randint(1, 2))]
        if self.random.random() < 0.4:
            schema["minItems"] = self.random.randint(0, 3)
        if self.random.random() < 0.4:
            schema["maxItems"] = schema.get("minItems", 0) + self.random.choice([0, 1, 4, 200])
        return schema

    def any_of(self, depth):
        return {"anyOf": [self.schema(depth - 1) for _ in range(self.random.randint(1, 3))]}

    def document(self, schema):
        """A valid document, its members in the order in which they are generated."""
        if schema is True:
            return self.random.choice([None, True, 3, -0.25, "s", [1, [2]], {"k": 1}])
        if "anyOf" in schema:
            return self.document(self.random.choice(schema["anyOf"]))
        if "enum" in schema:
            return self.random.choice(schema["enum"])
        if "const" in schema:
            return schema["const"]
        return getattr(self, schema["type"] + "_of")(schema)

    def string_of(self, schema):
        if "pattern" in schema:
            return self.random.choice(PATTERNS[schema["pattern"]])
        if "format" in schema:
            return self.random.choice(FORMATS[schema["format"]])
        low = schema.get("minLength", 0)
        return self.text(low, min(schema.get("maxLength", low + 20), low + 60))

    def integer_of(self, schema):
        low, high = self.limits(schema)
        values = [value for value in [0, -1, 7, 123456789, -(10**17)] if low <= value <= high]
        return self.random.choice([*values, max(low, min(high, 0))])

    def number_of(self, schema):
        low, high = self.limits(schema)
        free = [1e-7, 2.5e30] if len(schema) == 1 else []  # no exponents within bounds
        values = [value for value in [0, -1, 0.5, -123.25, *free] if low <= value <= high]
        return self.random.choice([*values, max(low, min(high, 0))])

    def limits(self, schema):
        huge = 10**18
        low = max(schema.get("minimum", -huge), schema.get("exclusiveMinimum", -huge) + 1)
        return low, min(schema.get("maximum", huge), schema.get("exclusiveMaximum", huge) - 1)

    def boolean_of(self, schema):
        return self.random.random() < 0.5

    def null_of(self, schema):
        return None

    def object_of(self, schema):
        properties = schema.get("properties", {})
        room = schema.get("maxProperties", 1000) - len(schema.get("required", []))
        members = {}
        for name, value in properties.items():
            is_required = name in schema.get("required", [])
            if is_required or (room > 0 and self.random.random() < 0.5):
                members[name] = self.document(value)
                room -= not is_required
        others = schema.get("additionalProperties", not properties)
        if others is not False:
            for name in self.random.sample(OTHER_WORDS, 3):
                if name not in properties and room > 0 and self.random.random() < 0.5:
                    members[name] = self.document(others)
                    room -= 1
        return members

    def array_of(self, schema):
        prefix = schema.get("prefixItems", [])
        low = schema.get("minItems", 0)
        n = self.random.randint(low, min(schema.get("maxItems", low + 4), low + 4))
        return [self.document(prefix[k] if k < len(prefix) else schema["items"]) for k in range(n)]
