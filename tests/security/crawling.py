"""Everything that somebody can read: each GET of the OpenAPI document, each filter, each list to its end."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.plugins.rbac.world import Client, World

WORD = re.compile(r"[A-Za-z0-9_.+@-]{6,}")
ENDLESS = {"/api/v1/events/stream", "/api/v1/ws"}  # followed by what knows how to stop
OF_PEOPLE = re.compile(r"/(users|departments)\b|/auth/")  # who works here is no secret among those who do
MOST_PAGES = 400


class Crawl:
    """One reader; ``seen`` is each id-like word of any answer, with where it stood first."""

    def __init__(self, world: World, client: Client, asked: Mapping[str, Iterable[str]]) -> None:
        self.world = world
        self.client = client
        self.asked = {name: list(values) for name, values in asked.items()}  # values for path and query parameters
        self.seen: dict[str, str] = {}
        self.statuses: dict[str, set[int]] = {}

    async def all(self, document: Mapping[str, Any]) -> None:
        for template, operations in document["paths"].items():
            if "get" in operations and template not in ENDLESS:
                for path in self._paths(template, operations["get"]):
                    for query in self._queries(operations["get"]):
                        await self._follow(template, path, query)

    def hear(self, where: str, text: str, *, but: Iterable[str] = ()) -> None:
        """Take note of what stands in an answer, but for what the question said."""
        left_out = set(but)
        for word in WORD.findall(text):
            if word not in left_out:
                self.seen.setdefault(word, where)

    def found(self, words: Iterable[str]) -> dict[str, str]:
        """Those of these words that were seen, and where."""
        return {word: self.seen[word] for word in words if word in self.seen}

    async def _follow(self, template: str, path: str, query: dict[str, str]) -> None:
        for _ in range(MOST_PAGES):
            status, headers, text = await self._ask(path, query)
            self.statuses.setdefault(template, set()).add(status)
            asked = {*WORD.findall(path), *(word for value in query.values() for word in WORD.findall(value))}
            self.hear(f"{template} {query}", f"{text}\n{headers}", but=asked)
            following = _next(text) if status == 200 else None
            if following is None or following == query.get("after"):
                return
            query = {**query, ("after" if template == "/api/v1/events" else "cursor"): following}
        raise AssertionError(f"{template} does not end")

    async def _ask(self, path: str, query: Mapping[str, str]) -> tuple[int, str, str]:
        headers = {"Authorization": f"Bearer {self.client.token}"}
        async with self.world.session.get(self.world.url + path, headers=headers, params=query) as response:
            body = await response.read()
            return response.status, str(dict(response.headers)), body.decode("utf-8", "replace")

    def _paths(self, template: str, operation: Mapping[str, Any]) -> Iterator[str]:
        names = re.findall(r"\{(\w+)\}", template)
        for values in itertools.product(*[self.asked.get(name, ()) for name in names]):
            path = template
            for name, value in zip(names, values, strict=True):
                path = path.replace(f"{{{name}}}", value)
            yield path

    def _queries(self, operation: Mapping[str, Any]) -> Iterator[dict[str, str]]:
        """Without anything, then one parameter at a time; lists in small pages."""
        parameters = {each["name"]: each["schema"] for each in operation.get("parameters", ()) if each["in"] == "query"}
        small = {"limit": "7"} if "limit" in parameters else {}
        yield small
        for name, schema in parameters.items():
            for value in self._values(name, schema):
                yield {**small, name: value}

    def _values(self, name: str, schema: Mapping[str, Any]) -> list[str]:
        if name in self.asked:
            return self.asked[name]
        if name in ("limit", "cursor", "wait"):
            return []
        kinds = schema.get("enum") or schema.get("items", {}).get("enum") or []
        kind = schema.get("type")
        if kind == "boolean" or (isinstance(kind, list) and "boolean" in kind):
            return ["true", "false"]
        return [str(each) for each in kinds if each is not None]


def _next(text: str) -> str | None:
    """The cursor of the page after this one."""
    try:
        page = json.loads(text)["page"]
    except (ValueError, TypeError, KeyError):
        return None
    return str(page["next"]) if page["has_more"] else None
