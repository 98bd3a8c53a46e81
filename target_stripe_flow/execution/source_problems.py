"""What to say when the input does not fit what the journal remembers of a source. Pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from target_stripe_flow.attempts.spelling import describe
from target_stripe_flow.journal.sources import Source

_FIRST = "another source_name would order every record again, so do not change it for this"


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """A stream of the input: its name before stream maps, its action, and its key properties after them.

    `scope_options` are the options of a command that choose account and mode, where the journal has several.
    """

    stream: str
    action: str
    source_name: str
    key_names: tuple[str, ...]
    scope_options: Sequence[str] = ()

    def command(self, verb: str, *options: str, source_name: str | None = None) -> str:
        """A command of `stripe-flow journal source`, as one can copy it."""
        name = source_name or self.source_name
        more = ["--action", self.action, *options, *self.scope_options]
        # A name that begins with a dash would be read as an option.
        line = [*more, "--", quoted(name)] if name.startswith("-") else [quoted(name), *more]
        return f"`stripe-flow journal source {' '.join([verb, *line])}`"

    def as_another(self) -> str:
        """What to do if the rows of the stream are a source of their own."""
        setting = json.dumps({self.stream: "NAME"}, ensure_ascii=False)
        added = self.command("add", source_name="NAME")
        return f"If its rows are another source, set source_names to {setting} and run {added}"


def is_odd(name: str) -> bool:
    """Whether the name has something that nobody sees: white space at its ends, a control or zero-width character."""
    return bool(describe(name)) or not name.isprintable()


def same_names(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether these are the same names, in any order."""
    return sorted(one) == sorted(other)


def is_new_name(name: str, own: Source | None, with_rows: Sequence[Source]) -> bool:
    """Whether records under this name would be new, while the action has records under other names.

    `own` is the source of that name, if the journal has it; `with_rows` are the sources that have records. Names that
    one run bound side by side are different sources, although only one of them has records so far.
    """
    if not with_rows or name in {source.source_name for source in with_rows} or (own is not None and own.is_added):
        return False
    return own is None or {source.bound_by for source in with_rows} != {own.bound_by}


def describe_difference(source: Source, incoming: Incoming, *, is_of_this_run: bool) -> str:
    """Why the stream must not be sent under its source_name; empty if it may. Key names in another order may.

    `is_of_this_run`: this same run has read another stream of the source, so neither of the two was renamed.
    """
    keys = source.key_names or ()
    has_keys, has_stream = same_names(keys, incoming.key_names), incoming.stream in source.streams
    if has_keys and has_stream:
        return ""
    about = f"{incoming.action} of the source_name {shown(source.source_name)}"
    known, new = [], []
    if not has_stream:
        new.append(f"from the stream {shown(incoming.stream)}")
        known.append(f"from the stream {joined(source.streams)}")
    if not has_keys:
        new.append(f"with the key_properties {joined(incoming.key_names)}")
        known.append(f"with the key_properties {joined(keys)}" if keys else "with key_properties not known yet")
    return ". ".join(
        [
            _FIRST,
            f"The input has {about} {' '.join(new)}, and the journal knows them {' '.join(known)}",
            *_ways_out(source, incoming, has_stream=has_stream, is_of_this_run=is_of_this_run),
            f"Nothing of the stream {shown(incoming.stream)} was sent",
        ]
    )


def _ways_out(source: Source, incoming: Incoming, *, has_stream: bool, is_of_this_run: bool) -> list[str]:
    keys = source.key_names or ()
    has_keys = same_names(keys, incoming.key_names)
    ways = []
    if (has_keys or len(keys) == len(incoming.key_names)) and not (is_of_this_run and not has_stream):
        renamed = renaming(keys, incoming.key_names)
        options = [] if has_stream else ["--stream", quoted(incoming.stream)]
        options += [] if has_stream or len(source.streams) < 2 else ["--from", "OLD_STREAM"]
        options += [] if has_keys else ["--keys", quoted(keys_option(renamed))]
        pairs = [f"{shown(old)} is now {shown(new)}" for old, new in zip(keys, renamed, strict=False) if old != new]
        what = ", ".join([*([] if has_stream else ["the stream was only renamed"]), *([] if has_keys else pairs)])
        ways.append(f"If {what}: {incoming.command('rename', *options)}")
    elif not has_keys:
        ways.append("If the rows are the same, give the stream the key_properties that it had")
    if has_keys and not has_stream:
        added = incoming.command("add", "--stream", quoted(incoming.stream))
        ways.append(f"If the source has several streams, with keys of one kind: {added}")
    return [*ways, incoming.as_another()]


def describe_other_number(incoming: Incoming, known: int) -> str:
    """Why keys of another number of values than the journal's records have end the run."""
    about = f"{incoming.action} of the source_name {shown(incoming.source_name)}"
    return ". ".join(
        [
            _FIRST,
            f"The input has {about} with the key_properties {joined(incoming.key_names)}",
            f"The journal is of an older release, and knows them by a key of {known} values",
            "If the rows are the same, give the stream the key_properties that it had",
            incoming.as_another(),
            f"Nothing of the stream {shown(incoming.stream)} was sent",
        ]
    )


def describe_new_name(incoming: Incoming, counts: Mapping[str | None, int], journal: str) -> str:
    """Why a source_name that the journal does not have for this action stops the run; `counts` are its records."""
    return ". ".join(
        [
            _FIRST,
            f"The journal {journal} has no {incoming.action} of the source_name {shown(incoming.source_name)}",
            f"It has {describe_counts(counts)}",
            "Set source_name, or source_names for this stream, to the name that these records have",
            f"If {shown(incoming.source_name)} is a source of its own: {incoming.command('add')}",
            f"Nothing of the stream {shown(incoming.stream)} was sent",
        ]
    )


def describe_counts(counts: Mapping[str | None, int]) -> str:
    """`120 records of the source_name crm, 3 of shop`, the most first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0] or ""))
    words = [
        f"{count:,} that a rebuild has found and no run has read again"
        if name is None
        else f"{count:,} of {shown(name)}"
        for name, count in ordered
    ]
    return f"records of these source_names: {', '.join(words)}" if words else "no records"


def describe_odd_name(name: str) -> str:
    """Why a new source_name is refused."""
    return (
        f"setting source_name or source_names has the name {json.dumps(name)}, with white space at an end or with "
        "invisible characters: it would be another source than the name that you see. Remove them"
    )


def renaming(old: Sequence[str], new: Sequence[str]) -> list[str]:
    """The new names in the order of the old ones: a name that stays does not move."""
    fresh = iter([name for name in new if name not in old])
    return [name if name in new else next(fresh, name) for name in old]


def keys_option(names: Sequence[str]) -> str:
    """The value of `--keys`: names joined by commas, or a JSON list where a name has a comma."""
    plain = ",".join(names)
    return plain if not plain.startswith("[") and plain.count(",") == len(names) - 1 else json.dumps(list(names))


def joined(names: Sequence[str]) -> str:
    return ", ".join(map(shown, names))


def shown(name: str) -> str:
    """A name in a sentence; as JSON where it would be misread."""
    is_plain = name.isprintable() and name == name.strip() and name and not set(name) & set(",;\"'`")
    return name if is_plain else json.dumps(name)


def quoted(name: str) -> str:
    """A name as a word of a shell's command line."""
    if name.isprintable():
        return shlex.quote(name)
    escaped = name.encode("unicode_escape", "backslashreplace").decode("ascii").replace("'", "\\'")
    return f"$'{escaped}'"
