"""Plugins as objects, each wrong in one way: ``misfits:names_of_channels`` is an entry point's value."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pigeon_post  # type: ignore[import-not-found]  # on the path while tests run
from pydantic import BaseModel, field_validator

from patchbay.collections import ACCOUNTS, Collection
from patchbay.errors import ConfigError, PluginError
from patchbay.hookspecs import Permission, PluginSettings, Route, hookimpl
from patchbay.model.tag import Tag
from patchbay.ports import Credentials
from patchbay.settings import Settings


def plugin(name: str, answer: Any) -> Any:
    """A plugin whose one hook gives this answer, or calls it."""

    def hook(self: Any) -> Any:
        return answer() if callable(answer) and not isinstance(answer, type) else answer

    hook.__name__ = name
    return type("Misfit", (), {name: hookimpl(hook)})()


def _raise(error: BaseException) -> Callable[[], Any]:
    def raising() -> Any:
        raise error

    return raising


class Misspelt:
    @hookimpl
    def register_chanels(self) -> list[Any]:
        return []


class WrongSignature:
    @hookimpl
    def register_channels(self, config: Settings) -> list[Any]:
        return []


class Unmarked:
    def register_channels(self, settings: Settings) -> list[Any]:
        return []


class Asynchronous:
    @hookimpl
    async def register_permissions(self) -> Sequence[Permission]:
        return []


class Wrapping:
    @hookimpl(wrapper=True)
    def register_permissions(self) -> Generator[None, Any, Any]:
        return (yield)


class Hookless:
    pass


class FailsLate:
    """Its channel is fine; a later hook is not, so nothing of it may stay."""

    @hookimpl
    def register_channels(self) -> Sequence[Any]:
        return [pigeon_post.PigeonChannel(pigeon_post.PigeonSettings())]

    @hookimpl
    def register_routes(self) -> Sequence[Route]:
        raise RuntimeError("no roads here")


class Unreadable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this")


class HalfConfigured:
    """Its settings are read; what it brings is not to be had."""

    @hookimpl
    def register_settings(self) -> PluginSettings:
        class Half(BaseModel):
            size: int

        return PluginSettings("half", Half)

    @hookimpl
    def register_channels(self) -> Sequence[Any]:
        raise RuntimeError("only half")


class HalfAChannel:
    name = "half"
    title = "Half"


class SlowModel(BaseModel):
    size: int = 1

    @field_validator("size")
    @classmethod
    def explodes(cls, value: int) -> int:
        raise RuntimeError("validators are code")

    model_config = {"validate_default": True}


class AsyncJudge:
    name = "judge"

    async def decide(self, principal: Any, permission: str) -> str:
        return "allow"

    def sees(self, principal: Any, event: Any) -> str:
        return "allow"


class Namesake:
    """Has the name of another plugin's authenticator."""

    name = "feather"

    async def authenticate(self, credentials: Credentials) -> None:
        return None


class Snooping:
    """Tries to read another plugin's table and the core's secrets."""

    @hookimpl
    def register_permissions(self) -> Sequence[Permission]:
        return [Permission("snoops.look", "Look around.")]

    @hookimpl
    def register_channels(self, settings: Settings) -> Sequence[Any]:
        seen = [settings.secret_key, settings.admin_token, *settings.plugin_tables]
        raise PluginError(f"it saw {seen}")


class Mutating:
    """Keeps the list that it returned and changes it later."""

    def __init__(self) -> None:
        self.kept = [Permission("mutants.one", "One.")]

    @hookimpl
    def register_permissions(self) -> Sequence[Permission]:
        return self.kept


class EndlessSequence(Sequence[Any]):
    def __len__(self) -> int:
        return 10**9

    def __getitem__(self, index: Any) -> Any:
        return Permission("endless.one", "One.")


def _endless() -> Iterator[Permission]:
    while True:
        yield Permission("endless.one", "One.")


def _hang() -> Any:
    threading.Event().wait()


def _leak() -> Any:
    class Model(BaseModel):
        port: int

    return Model.model_validate({"port": "hunter2-is-my-password"})


def _two_lines() -> Any:
    raise ValueError("first line\nsecond line\x1b[31m")


misspelt, wrong_signature, unmarked, hookless = Misspelt(), WrongSignature(), Unmarked(), Hookless()
half_configured, asynchronous, wrapping, fails_late, snooping, mutating = (
    HalfConfigured(),
    Asynchronous(),
    Wrapping(),
    FailsLate(),
    Snooping(),
    Mutating(),
)
raises = plugin("register_channels", _raise(RuntimeError("the loft is empty")))
raises_unreadable = plugin("register_channels", _raise(Unreadable()))
raises_two_lines = plugin("register_channels", _two_lines)
leaves = plugin("register_channels", _raise(SystemExit(4)))
interrupts = plugin("register_channels", _raise(KeyboardInterrupt()))
hangs = plugin("register_channels", _hang)
leaks = plugin("register_channels", _leak)
refuses_settings = plugin("register_channels", _raise(ConfigError("PATCHBAY_PIGEON__LOFT is on fire.")))
says = plugin("register_channels", _raise(PluginError("it needs a bigger loft")))

text_for_channels = plugin("register_channels", "whatsapp")
names_of_channels = plugin("register_channels", ["whatsapp"])
number_for_channels = plugin("register_channels", 7)
class_for_channel = plugin("register_channels", [pigeon_post.PigeonChannel])
half_a_channel = plugin("register_channels", [HalfAChannel()])
twice_a_channel = plugin("register_channels", [pigeon_post.PigeonChannel(pigeon_post.PigeonSettings())] * 2)
list_for_stores = plugin("register_stores", ["sqlite"])
odd_scheme = plugin("register_stores", {"Not A Scheme": pigeon_post.DrumBus})
no_factory = plugin("register_buses", {"drum": "a drum"})
core_collection = plugin("register_collections", [ACCOUNTS])
foreign_collection = plugin("register_collections", [Collection("audit_entries", Tag)])
no_documents = plugin("register_collections", [Collection("misfit_things", dict)])
async_judge = plugin("register_authorizers", [AsyncJudge()])
nameless = plugin("register_listeners", [SimpleNamespace(name="", on_events=print)])
unnamed = plugin("register_notifiers", [SimpleNamespace(notify=print)])
odd_route = plugin("register_routes", [Route("FETCH", "/x", pigeon_post.feed, None, "x")])
relative_route = plugin("register_routes", [Route("GET", "x", pigeon_post.feed, None, "x")])
odd_permission = plugin("register_permissions", [Permission("Feed!", "Feed.")])
endless_generator = plugin("register_permissions", _endless())
endless_sequence = plugin("register_permissions", EndlessSequence())
text_for_settings = plugin("register_settings", "pigeon")
core_table = plugin("register_settings", PluginSettings("http", pigeon_post.PigeonSettings))
odd_table = plugin("register_settings", PluginSettings("a__b", pigeon_post.PigeonSettings))
no_model = plugin("register_settings", PluginSettings("misfit", dict))  # type: ignore[arg-type]
exploding_model = plugin("register_settings", PluginSettings("misfit", SlowModel))

second_pigeon = plugin("register_channels", [pigeon_post.PigeonChannel(pigeon_post.PigeonSettings())])
second_paper = plugin("register_stores", {"paper": pigeon_post.DrumBus})
second_sqlite = plugin("register_stores", {"sqlite": pigeon_post.DrumBus})
second_drum = plugin("register_buses", {"drum": pigeon_post.DrumBus})
second_table = plugin("register_settings", PluginSettings("pigeon", pigeon_post.PigeonSettings))
second_feather = plugin("register_authenticators", [Namesake()])
second_route = plugin("register_routes", [Route("POST", "/pigeons/feed", pigeon_post.feed, None, "again")])
second_tower = plugin("register_listeners", [pigeon_post.Tower()])
second_permission = plugin("register_permissions", [Permission("pigeons.feed", "Feed them again.")])
