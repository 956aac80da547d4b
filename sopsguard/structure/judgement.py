"""JSON Schema in three values: what of a document is certainly valid, certainly not, or open without a key.

Draft 2020-12, every keyword of its applicator, validation and unevaluated vocabularies, and `format`. On
known scalars `jsonschema` decides each assertion; here is only how answers combine. Bounded in steps and
depth: what is not finished is open, and says so.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sopsguard.structure import hidden, words
from sopsguard.structure.regexes import found
from sopsguard.structure.schema import Schema
from sopsguard.structure.shadow import Array, Hidden, Known, Object, Place, Shadow
from sopsguard.structure.sizes import byte_length
from sopsguard.structure.truth import Truth, certainly

INVALID, OPEN, VALID = Truth.INVALID, Truth.OPEN, Truth.VALID
STEPS = 150_000
DEPTH = 180
MOST_FAULTS = 50
_INFINITE = float("inf")
_NOTHING: frozenset[str | int] = frozenset()


@dataclass(frozen=True, slots=True)
class Fault:
    """Something certainly against the schema: where, and in words that follow the name of the place.

    `length`: the bytes of the value, if its length alone shows it. Never quotes a value of the document.
    """

    place: Place
    words: str
    keyword: str
    length: int | None = None
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer of one schema for one value.

    `sure` and `maybe` are the properties or items that were evaluated, as `unevaluated*` counts them.
    """

    truth: Truth
    faults: tuple[Fault, ...] = ()
    sure: frozenset[str | int] = _NOTHING
    maybe: frozenset[str | int] = _NOTHING


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a schema says of a document.

    `decided` and `open` count the assertions that hold or fail for certain and those that need a key;
    `places` are where the open ones are. `unfinished` says why the rest was not judged, if so.
    """

    truth: Truth
    faults: tuple[Fault, ...]
    decided: int
    open: int
    places: tuple[Place, ...] = ()
    unfinished: str = ""


class Budget:
    """The steps that all judgements of one run may take together."""

    def __init__(self, steps: int = 2_000_000) -> None:
        self.left = steps


def judge(schema: Schema, document: Shadow, budget: Budget | None = None) -> Verdict:
    """Whether a document is as the schema says. Raises `UserError` for a schema that never ends."""
    judgement = _Judgement(schema, budget or Budget())
    try:
        outcome = judgement.evaluate(schema.contents, document, schema.resolver, True)
    except RecursionError:
        judgement.unfinished = "it is nested too deeply"
        outcome = Outcome(OPEN)
    if judgement.unfinished and outcome.truth is VALID:
        outcome = Outcome(OPEN)
    answers = judgement.answers.values()
    places = {place.path: place for truth, place in answers if truth is OPEN}
    faults = tuple(dict.fromkeys(outcome.faults)) if outcome.truth is INVALID else ()
    return Verdict(
        outcome.truth,
        faults,
        sum(truth is not OPEN for truth, _ in answers),
        sum(truth is OPEN for truth, _ in answers),
        tuple(places.values()),
        judgement.unfinished,
    )


class _Judgement:
    def __init__(self, schema: Schema, budget: Budget) -> None:
        self.schema = schema
        self.budget = budget
        self.steps = STEPS
        self.unfinished = ""
        self.annotated = bool(schema.uses & {"unevaluatedProperties", "unevaluatedItems"})
        self.dynamic = "$dynamicRef" in schema.uses
        self.memory: dict[Any, Outcome] = {}
        self.active: set[Any] = set()
        self.targets: dict[Any, Any] = {}
        self.answers: dict[tuple[int, int, str], tuple[Truth, Place]] = {}
        self.kept: list[Any] = []

    @cached_property
    def validator(self) -> Any:
        """The judge of known scalars; without a key there are few of them, and loading it takes its time."""
        from jsonschema import Draft202012Validator

        return Draft202012Validator({})

    def spend(self, steps: int = 1) -> bool:
        """Whether there is time left."""
        self.steps -= steps
        self.budget.left -= steps
        if self.steps < 0 or self.budget.left < 0:
            self.unfinished = self.unfinished or "judging it takes too many steps"
        return not self.unfinished

    def evaluate(self, schema: Any, node: Shadow, resolver: Any, must: bool) -> Outcome:
        """What a schema says of a value; `must` if the whole document fails with it."""
        if schema is True:
            return Outcome(VALID)
        if schema is False:
            fault = Fault(node.place, words.FORBIDDEN, "false")
            self.record(schema, node, "false", INVALID, must)
            return Outcome(INVALID, (fault,))
        if "$id" in schema and schema is not self.schema.contents:
            from referencing.jsonschema import DRAFT202012

            resolver = resolver.in_subresource(DRAFT202012.create_resource(schema))
        scope = tuple(uri for uri, _ in resolver.dynamic_scope()) if self.dynamic else ()
        key = (id(schema), id(node), must, scope)
        known = self.memory.get(key)
        if known is not None:
            return known
        if key in self.active:
            raise self.schema.mistake(
                schema,
                "the schema leads back to itself without going deeper",
                "a `$ref` must not make a circle",
            )
        if len(self.active) >= DEPTH:
            self.unfinished = self.unfinished or "it is nested too deeply"
        if not self.spend():
            return Outcome(OPEN)
        self.active.add(key)
        try:
            outcome = self.combined(schema, node, resolver, must)
        finally:
            self.active.discard(key)
        self.memory[key] = outcome
        return outcome

    def combined(self, schema: dict[str, Any], node: Shadow, resolver: Any, must: bool) -> Outcome:
        truth = VALID
        faults: tuple[Fault, ...] = ()
        sure, maybe = _NOTHING, _NOTHING
        for keyword in sorted(schema.keys() & _KEYWORDS.keys(), key=_ORDER.__getitem__):
            step = _Step(schema, keyword, node, resolver, must, sure, maybe)
            outcome = _KEYWORDS[keyword](self, step)
            truth = min(truth, outcome.truth)
            if outcome.faults and len(faults) < MOST_FAULTS:
                faults += outcome.faults[:MOST_FAULTS]
            if self.annotated:
                sure |= outcome.sure
                maybe |= outcome.maybe
        if truth is INVALID and len(faults) > 1:
            faults = tuple(dict.fromkeys(faults))
        return Outcome(truth, faults if truth is INVALID else (), sure, maybe - sure)

    def record(self, schema: Any, node: Shadow, keyword: str, truth: Truth, must: bool) -> None:
        """Counts an answer that the verdict on the document rests upon."""
        if must:
            self.answers[(id(schema), id(node), keyword)] = (truth, node.place)

    def answer(self, step: "_Step", truth: Truth, fault: Callable[[], Fault]) -> Outcome:
        """The outcome of an assertion."""
        self.record(step.schema, step.node, step.keyword, truth, step.must)
        return Outcome(truth, (fault(),) if truth is INVALID else ())

    def library(self, step: "_Step", value: Any) -> Truth:
        """What `jsonschema` says of one assertion on a known scalar."""
        try:
            errors = self.validator.VALIDATORS[step.keyword](self.validator, step.value, value, step.schema)
            return certainly(next(iter(errors or ()), None) is None)
        except (ValueError, ArithmeticError):  # infinity and what is no number
            return OPEN

    def target(self, step: "_Step") -> Any:
        key = (id(step.schema), step.keyword, id(step.resolver) if self.dynamic else 0)
        if key not in self.targets:
            self.kept.append(step.resolver)  # so that no other resolver takes its id
            self.targets[key] = step.resolver.lookup(step.value)
        return self.targets[key]


@dataclass(frozen=True, slots=True)
class _Step:
    """One keyword at one value."""

    schema: dict[str, Any]
    keyword: str
    node: Shadow
    resolver: Any
    must: bool
    sure: frozenset[str | int]
    maybe: frozenset[str | int]

    @property
    def value(self) -> Any:
        return self.schema[self.keyword]


_Keyword = Callable[[_Judgement, _Step], Outcome]
_PASSED = Outcome(VALID)


def _all(outcomes: Iterable[Outcome]) -> Outcome:
    """All of them must hold; what was evaluated counts if the whole holds."""
    truth = VALID
    faults: list[Fault] = []
    sure: set[str | int] = set()
    maybe: set[str | int] = set()
    for outcome in outcomes:
        truth = min(truth, outcome.truth)
        if len(faults) < MOST_FAULTS:
            faults += outcome.faults
        sure |= outcome.sure
        maybe |= outcome.maybe
    return Outcome(truth, tuple(faults) if truth is INVALID else (), frozenset(sure), frozenset(maybe))


# references and combinations


def _ref(judgement: _Judgement, step: _Step) -> Outcome:
    resolved = judgement.target(step)
    return judgement.evaluate(resolved.contents, step.node, resolved.resolver, step.must)


def _all_of(judgement: _Judgement, step: _Step) -> Outcome:
    return _all(judgement.evaluate(s, step.node, step.resolver, step.must) for s in step.value)


def _choices(judgement: _Judgement, step: _Step) -> list[Outcome]:
    return [judgement.evaluate(s, step.node, step.resolver, False) for s in step.value]


def _annotations(outcomes: Sequence[Outcome]) -> tuple[frozenset[str | int], frozenset[str | int]]:
    """What alternatives evaluated: surely those that hold, perhaps those that are open."""
    sure: set[str | int] = set()
    maybe: set[str | int] = set()
    for outcome in outcomes:
        if outcome.truth is VALID:
            sure |= outcome.sure
            maybe |= outcome.maybe
        elif outcome.truth is OPEN:
            maybe |= outcome.sure | outcome.maybe
    return frozenset(sure), frozenset(maybe)


def _any_of(judgement: _Judgement, step: _Step) -> Outcome:
    outcomes = _choices(judgement, step)
    truth = max(outcome.truth for outcome in outcomes)
    judgement.record(step.schema, step.node, step.keyword, truth, step.must)
    faults = _nearest(outcomes, step) if truth is INVALID else ()
    return Outcome(truth, faults, *_annotations(outcomes))


def _one_of(judgement: _Judgement, step: _Step) -> Outcome:
    outcomes = _choices(judgement, step)
    valid = sum(outcome.truth is VALID for outcome in outcomes)
    possible = valid + sum(outcome.truth is OPEN for outcome in outcomes)
    truth = INVALID if valid > 1 or not possible else VALID if valid == possible == 1 else OPEN
    judgement.record(step.schema, step.node, step.keyword, truth, step.must)
    faults: tuple[Fault, ...] = ()
    if truth is INVALID:
        twice = Fault(step.node.place, words.SEVERAL, "oneOf")
        faults = (twice,) if valid > 1 else _nearest(outcomes, step)
    return Outcome(truth, faults, *_annotations(outcomes))


def _nearest(outcomes: Sequence[Outcome], step: _Step) -> tuple[Fault, ...]:
    """The faults of the alternative that was probably meant: the one that fails deepest, then with fewest."""
    best = max(
        outcomes,
        key=lambda o: (min((len(f.place.path) for f in o.faults), default=0), -len(o.faults)),
    )
    shallow = all(f.place.path == step.node.place.path for f in best.faults)
    if shallow and len(outcomes) > 1 and len({f.words for o in outcomes for f in o.faults}) > 1:
        joined = words.either([f.words for o in outcomes for f in o.faults[:1]])
        return (Fault(step.node.place, joined, step.keyword),)
    return best.faults


def _not(judgement: _Judgement, step: _Step) -> Outcome:
    outcome = judgement.evaluate(step.value, step.node, step.resolver, False)
    what = words.unwanted(step.schema, step.value)
    return judgement.answer(step, outcome.truth.negated, lambda: Fault(step.node.place, what, "not"))


def _if(judgement: _Judgement, step: _Step) -> Outcome:
    condition = judgement.evaluate(step.value, step.node, step.resolver, False)
    sides: list[Outcome] = []
    for keyword, excluded in (("then", INVALID), ("else", VALID)):
        if condition.truth is not excluded:
            decided = condition.truth is not OPEN
            schema = step.schema.get(keyword, True)
            sides.append(judgement.evaluate(schema, step.node, step.resolver, step.must and decided))
    own = _annotations([condition])
    if condition.truth is not OPEN:
        side = sides[0]
        return Outcome(side.truth, side.faults, own[0] | side.sure, own[1] | side.maybe)
    truths = {side.truth for side in sides}
    truth = truths.pop() if len(truths) == 1 else OPEN
    judgement.record(step.schema, step.node, "if", truth, step.must)
    maybe = own[1].union(*(side.sure | side.maybe for side in sides))
    return Outcome(truth, sides[0].faults if truth is INVALID else (), _NOTHING, maybe)


# objects


def _properties(judgement: _Judgement, step: _Step) -> Outcome:
    node = step.node
    if not isinstance(node, Object):
        return _PASSED
    names = [name for name in step.value if name in node.entries]
    judgement.spend(len(names))
    outcomes = [judgement.evaluate(step.value[n], node.entries[n], step.resolver, step.must) for n in names]
    return _here(outcomes, frozenset(names))


def _here(
    outcomes: Iterable[Outcome],
    sure: frozenset[str | int] = _NOTHING,
    maybe: frozenset[str | int] = _NOTHING,
) -> Outcome:
    """All hold, of values below: what those evaluated says nothing of this one."""
    whole = _all(outcomes)
    return Outcome(whole.truth, whole.faults, sure, maybe)


def _perhaps(outcome: Outcome, applies: bool | None) -> Outcome:
    """The outcome of a schema of which it is not known whether it applies (`None`)."""
    return outcome if applies or outcome.truth is VALID else Outcome(OPEN)


def _pattern_properties(judgement: _Judgement, step: _Step) -> Outcome:
    node = step.node
    if not isinstance(node, Object):
        return _PASSED
    outcomes: list[Outcome] = []
    sure: set[str | int] = set()
    maybe: set[str | int] = set()
    for pattern, schema in step.value.items():
        for name, child in node.entries.items():
            if not judgement.spend():
                return Outcome(OPEN, maybe=frozenset(node.entries))
            applies = found(pattern, name)
            if applies is not False:
                must = step.must and applies is True
                outcome = judgement.evaluate(schema, child, step.resolver, must)
                outcomes.append(_perhaps(outcome, applies))
                (sure if applies else maybe).add(name)
    return _here(outcomes, frozenset(sure), frozenset(maybe))


def _additional_properties(judgement: _Judgement, step: _Step) -> Outcome:
    node = step.node
    if not isinstance(node, Object):
        return _PASSED
    listed = step.schema.get("properties", {})
    patterns = step.schema.get("patternProperties", {})
    extra: dict[str, bool | None] = {}
    for name in node.entries:
        if not judgement.spend(len(patterns) + 1):
            return Outcome(OPEN, maybe=frozenset(node.entries))
        if name not in listed:
            answers = [found(pattern, name) for pattern in patterns]
            if not any(answers):
                extra[name] = None if None in answers else True
    sure = frozenset(name for name, applies in extra.items() if applies)
    return _here(_extra(judgement, step, node, extra, listed), sure, frozenset(extra) - sure)


def _extra(
    judgement: _Judgement, step: _Step, node: Object, extra: dict[str, bool | None], listed: Iterable[str]
) -> list[Outcome]:
    """The outcomes of properties that nothing else names; one that may not be there is named itself."""
    outcomes = []
    for name, applies in extra.items():
        if step.value is False:
            truth = INVALID if applies else OPEN
            judgement.record(step.schema, node.entries[name], step.keyword, truth, step.must)
            hint = words.meant(name, listed)
            fault = Fault(node.places[name], words.UNKNOWN_KEY, step.keyword, hint=hint)
            outcomes.append(Outcome(truth, (fault,) if applies else ()))
        else:
            must = step.must and bool(applies)
            outcome = judgement.evaluate(step.value, node.entries[name], step.resolver, must)
            outcomes.append(_perhaps(outcome, applies))
    return outcomes


def _unevaluated_properties(judgement: _Judgement, step: _Step) -> Outcome:
    node = step.node
    if not isinstance(node, Object):
        return _PASSED
    certain = not judgement.unfinished
    extra: dict[str, bool | None] = {
        name: True if certain and name not in step.maybe else None
        for name in node.entries
        if name not in step.sure
    }
    outcomes = _extra(judgement, step, node, extra, step.schema.get("properties", ()))
    return _here(outcomes, frozenset(node.entries))


def _property_names(judgement: _Judgement, step: _Step) -> Outcome:
    node = step.node
    if not isinstance(node, Object):
        return _PASSED
    outcomes = []
    for name, place in node.places.items():
        known = Known(place, name)
        judgement.kept.append(known)
        outcome = judgement.evaluate(step.value, known, step.resolver, False)
        judgement.record(step.schema, node.entries[name], step.keyword, outcome.truth, step.must)
        fault = Fault(place, words.bad_name(step.value), step.keyword)
        outcomes.append(Outcome(outcome.truth, (fault,) if outcome.truth is INVALID else ()))
    return _here(outcomes)


def _required(judgement: _Judgement, step: _Step) -> Outcome:
    if not isinstance(step.node, Object):
        return _PASSED
    outcomes = []
    for name in step.value:
        judgement.spend()
        truth = certainly(name in step.node.entries)
        judgement.record(step.schema, step.node, f"required {name}", truth, step.must)
        if truth is INVALID:
            outcomes.append(Outcome(truth, (Fault(step.node.place, words.lacks(name), "required"),)))
    return _here(outcomes)


def _dependent_required(judgement: _Judgement, step: _Step) -> Outcome:
    node = step.node
    if not isinstance(node, Object):
        return _PASSED
    faults = []
    for name, others in step.value.items():
        if name not in node.entries:
            continue
        judgement.spend(len(others))
        lacking = [other for other in others if other not in node.entries]
        truth = certainly(not lacking)
        judgement.record(step.schema, node, f"dependentRequired {name}", truth, step.must)
        faults += [Fault(node.place, words.lacks(other, beside=name), step.keyword) for other in lacking]
    return Outcome(INVALID if faults else VALID, tuple(faults))


def _dependent_schemas(judgement: _Judgement, step: _Step) -> Outcome:
    node = step.node
    if not isinstance(node, Object):
        return _PASSED
    wanted = [schema for name, schema in step.value.items() if name in node.entries]
    return _all(judgement.evaluate(s, node, step.resolver, step.must) for s in wanted)


def _size(judgement: _Judgement, step: _Step) -> Outcome:
    """minProperties, maxProperties, minItems, maxItems."""
    node = step.node
    if step.keyword.endswith("Properties"):
        if not isinstance(node, Object):
            return _PASSED
        count, noun = len(node.entries), "key"
    else:
        if not isinstance(node, Array):
            return _PASSED
        count, noun = len(node.items), "element"
    least = step.keyword.startswith("min")
    truth = certainly(count >= step.value if least else count <= step.value)
    what = words.count(count, noun, least, step.value)
    return judgement.answer(step, truth, lambda: Fault(node.place, what, step.keyword))


# lists


def _prefix_items(judgement: _Judgement, step: _Step) -> Outcome:
    node = step.node
    if not isinstance(node, Array):
        return _PASSED
    pairs = list(zip(step.value, node.items, strict=False))
    outcomes = [judgement.evaluate(s, item, step.resolver, step.must) for s, item in pairs]
    return _here(outcomes, frozenset(range(len(pairs))))


def _items(judgement: _Judgement, step: _Step) -> Outcome:
    node = step.node
    if not isinstance(node, Array):
        return _PASSED
    first = len(step.schema.get("prefixItems", ()))
    rest = node.items[first:]
    if step.value is False and rest:
        judgement.record(step.schema, node, step.keyword, INVALID, step.must)
        what = words.count(len(node.items), "element", False, first)
        return Outcome(INVALID, (Fault(node.place, what, step.keyword),))
    judgement.spend(len(rest))
    outcomes = [judgement.evaluate(step.value, item, step.resolver, step.must) for item in rest]
    return _here(outcomes, frozenset(range(len(node.items))))


def _unevaluated_items(judgement: _Judgement, step: _Step) -> Outcome:
    node = step.node
    if not isinstance(node, Array):
        return _PASSED
    outcomes = []
    for number, item in enumerate(node.items):
        if number in step.sure:
            continue
        certain = number not in step.maybe and not judgement.unfinished
        outcome = judgement.evaluate(step.value, item, step.resolver, step.must and certain)
        outcomes.append(_perhaps(outcome, certain or None))
    return _here(outcomes, frozenset(range(len(node.items))))


def _contains(judgement: _Judgement, step: _Step) -> Outcome:
    node = step.node
    if not isinstance(node, Array):
        return _PASSED
    least, most = step.schema.get("minContains", 1), step.schema.get("maxContains", len(node.items))
    truths = [judgement.evaluate(step.value, item, step.resolver, False).truth for item in node.items]
    sure = frozenset(n for n, truth in enumerate(truths) if truth is VALID)
    maybe = frozenset(n for n, truth in enumerate(truths) if truth is OPEN)
    low, high = len(sure), len(sure) + len(maybe)
    truth = INVALID if high < least or low > most else VALID if low >= least and high <= most else OPEN
    judgement.record(step.schema, node, step.keyword, truth, step.must)
    fault = Fault(node.place, words.contains(high < least, least, most), step.keyword)
    return Outcome(truth, (fault,) if truth is INVALID else (), sure, maybe)


def _unique_items(judgement: _Judgement, step: _Step) -> Outcome:
    node = step.node
    if not isinstance(node, Array) or step.value is not True:
        return _PASSED
    exact: set[Any] = set()
    groups: dict[Any, bool] = {}
    truth = VALID
    for item in node.items:
        same, _ = _shape(judgement, item, exactly=True)
        alike, concealed = _shape(judgement, item, exactly=False)
        if judgement.unfinished:
            truth = OPEN
            break
        if same in exact:
            truth = INVALID
            break
        if (alike in groups and (concealed or groups[alike])) or (concealed is None and len(node.items) > 1):
            truth = OPEN
        exact.add(same)
        groups[alike] = bool(concealed) or groups.get(alike, False)
    return judgement.answer(step, truth, lambda: Fault(node.place, words.REPEATED, step.keyword))


def _shape(judgement: _Judgement, node: Shadow, *, exactly: bool) -> tuple[Any, bool | None]:
    """What equal values have alike, and whether something below is hidden (`None`: even its type).

    With `exactly` values that are alike in it are surely equal, else values that are not surely differ.
    """
    judgement.spend()
    if isinstance(node, Object | Array):
        named = isinstance(node, Object)
        children = node.entries.items() if isinstance(node, Object) else enumerate(node.items)
        parts = [(name, *_shape(judgement, child, exactly=exactly)) for name, child in children]
        hidden_below = [concealed for _, _, concealed in parts]
        below = None if None in hidden_below else any(hidden_below)
        return (named, frozenset((name, shape) for name, shape, _ in parts)), below
    if isinstance(node, Hidden):
        if exactly:
            sealed = node.seal[1] and node.kind
            return ("hidden", node.kind, *node.seal) if sealed else ("hidden", id(node)), True
        kind = "number" if node.kind in hidden.NUMERIC else node.kind
        return (kind, None if kind == "boolean" else node.length), True if kind else None
    value = node.value
    if value is None or isinstance(value, bool):
        return ("null" if value is None else "boolean", value if exactly else None), False
    if isinstance(value, str):
        return ("string", value if exactly else byte_length(value)), False
    return ("number", value if exactly else hidden.number_length(value)), False


# scalars


def _type(judgement: _Judgement, step: _Step) -> Outcome:
    node = step.node
    types = [step.value] if isinstance(step.value, str) else step.value
    if isinstance(node, Hidden):
        truth = hidden.is_type(node, types)
        kind = node.kind or "unknown"
    elif isinstance(node, Known):
        if isinstance(node.value, str):  # as names of keys are: not worth loading a library
            truth = certainly("string" in types)
        else:
            truth = certainly(any(judgement.validator.is_type(node.value, t) for t in types))
        kind = words.kind_of(node.value)
    else:
        kind = "object" if isinstance(node, Object) else "array"
        truth = certainly(kind in types)
    return judgement.answer(step, truth, lambda: Fault(node.place, words.wrong_type(kind, types), "type"))


def _equal(judgement: _Judgement, node: Shadow, value: Any) -> Truth:
    judgement.spend()
    if isinstance(node, Hidden):
        return hidden.equals(node, value)
    if isinstance(node, Object):
        if not isinstance(value, dict) or value.keys() != node.entries.keys():
            return INVALID
        return min((_equal(judgement, child, value[n]) for n, child in node.entries.items()), default=VALID)
    if isinstance(node, Array):
        if not isinstance(value, list) or len(value) != len(node.items):
            return INVALID
        pairs = zip(node.items, value, strict=True)
        return min((_equal(judgement, child, other) for child, other in pairs), default=VALID)
    if isinstance(value, bool) or isinstance(node.value, bool):
        return certainly(value is node.value)
    return certainly(not isinstance(value, dict | list) and node.value == value)


def _enum(judgement: _Judgement, step: _Step) -> Outcome:
    node = step.node
    values = [step.value] if step.keyword == "const" else step.value
    truth = INVALID
    for value in values:
        if not judgement.spend():
            truth = OPEN
            break
        truth = max(truth, _equal(judgement, node, value))
        if truth is VALID:
            break
    if isinstance(node, Hidden) and node.kind == "boolean" and {True, False} <= _booleans(values):
        truth = VALID
    length = node.length if isinstance(node, Hidden) else None
    what = words.not_among(values, length)
    return judgement.answer(step, truth, lambda: Fault(node.place, what, step.keyword))


def _booleans(values: Iterable[Any]) -> set[bool]:
    return {value for value in values if isinstance(value, bool)}


def _number(judgement: _Judgement, step: _Step) -> Outcome:
    """minimum, maximum, their exclusive forms, multipleOf."""
    node, bound = step.node, step.value
    multiple = step.keyword == "multipleOf"
    what = f"must be a multiple of {bound}" if multiple else words.out_of_bounds(step.schema)
    if isinstance(node, Hidden):
        exclusive = step.keyword.startswith("exclusive")
        if multiple:
            truth = hidden.is_multiple(node, bound)
        elif step.keyword.lower().endswith("minimum"):
            truth = hidden.is_at_least(node, bound, exclusive=exclusive)
        else:
            truth = hidden.is_at_most(node, bound, exclusive=exclusive)
        low = max(step.schema.get("minimum", -_INFINITE), step.schema.get("exclusiveMinimum", -_INFINITE))
        high = min(step.schema.get("maximum", _INFINITE), step.schema.get("exclusiveMaximum", _INFINITE))
        if truth is OPEN and not multiple:
            truth = hidden.is_between(node, low, high)
    elif isinstance(node, Known):
        truth = judgement.library(step, node.value)
    else:
        return _PASSED
    return judgement.answer(
        step, truth, lambda: Fault(node.place, what, "multipleOf" if multiple else "minimum")
    )


def _length(judgement: _Judgement, step: _Step) -> Outcome:
    node = step.node
    least = step.keyword == "minLength"
    if isinstance(node, Hidden):
        low, high = (step.value, float("inf")) if least else (0, step.value)
        truth = hidden.has_length(node, low, high)
        length = node.length
    elif isinstance(node, Known) and isinstance(node.value, str):
        count = len(node.value)
        truth = certainly(count >= step.value if least else count <= step.value)
        length = byte_length(node.value)
    else:
        return _PASSED
    what = words.size(length, least, step.value, step.schema)
    return judgement.answer(step, truth, lambda: Fault(node.place, what, step.keyword, length))


def _pattern(judgement: _Judgement, step: _Step) -> Outcome:
    node = step.node
    if isinstance(node, Hidden):
        truth = hidden.matches_anything(node)
    elif isinstance(node, Known) and isinstance(node.value, str):
        answer = found(step.value, node.value)
        truth = OPEN if answer is None else certainly(answer)
    else:
        return _PASSED
    return judgement.answer(step, truth, lambda: Fault(node.place, words.NO_MATCH, step.keyword))


def _format(judgement: _Judgement, step: _Step) -> Outcome:
    from sopsguard.structure import formats

    node, name = step.node, step.value
    judged = formats.sizes(name)
    if judged is None:
        return _PASSED
    noun, sizes = judged
    if isinstance(node, Hidden):
        truth = hidden.has_format(node, name)
        length: int | None = node.length
    elif isinstance(node, Known) and isinstance(node.value, str):
        truth = formats.judge(name, node.value)
        length = byte_length(node.value)
        if sizes.allow(length):
            length = None
    else:
        return _PASSED
    what = words.no_format(noun, sizes, length)
    return judgement.answer(step, truth, lambda: Fault(node.place, what, step.keyword, length))


_KEYWORDS: dict[str, _Keyword] = {
    "$ref": _ref,
    "$dynamicRef": _ref,
    "type": _type,
    "const": _enum,
    "enum": _enum,
    "minimum": _number,
    "maximum": _number,
    "exclusiveMinimum": _number,
    "exclusiveMaximum": _number,
    "multipleOf": _number,
    "minLength": _length,
    "maxLength": _length,
    "pattern": _pattern,
    "format": _format,
    "required": _required,
    "dependentRequired": _dependent_required,
    "minProperties": _size,
    "maxProperties": _size,
    "minItems": _size,
    "maxItems": _size,
    "uniqueItems": _unique_items,
    "propertyNames": _property_names,
    "properties": _properties,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "prefixItems": _prefix_items,
    "items": _items,
    "contains": _contains,
    "dependentSchemas": _dependent_schemas,
    "allOf": _all_of,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "not": _not,
    "if": _if,
    # Last, for they judge what all the others have left.
    "unevaluatedItems": _unevaluated_items,
    "unevaluatedProperties": _unevaluated_properties,
}
_ORDER = {keyword: number for number, keyword in enumerate(_KEYWORDS)}
