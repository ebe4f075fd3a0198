"""``patchbay plugins certify``: as a process, and the sentence for each way in which nothing can be certified."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from patchbay.cli.certify import Uncertifiable, samples_of
from patchbay.plugins import GROUP, Loaded, load_plugins
from patchbay.testing.channel_samples import ChannelSamples

PLUGIN = """
from patchbay.hookspecs import hookimpl
from patchbay_whatsapp import WhatsAppChannel, WhatsAppSettings

class Fish(WhatsAppChannel):
    name = "fish"

@hookimpl
def register_channels(settings):
    return (Fish(WhatsAppSettings()),)
"""
SAMPLES = """
from patchbay.errors import BadSignature
from patchbay_whatsapp.certification import WhatsAppSamples

class Deaf(Fish):
    def verify(self, request, account_secrets):
        raise BadSignature("who is there?")

class Samples(WhatsAppSamples):
    channel = Deaf(WhatsAppSettings(app_secret=("certification",)))

def certification():
    return Samples()
"""
MODULES = {
    "fish_mute": PLUGIN,
    "fish_odd": PLUGIN + "def certification():\n    return 7\n",
    "fish_angry": PLUGIN + "def certification():\n    raise LookupError('no water')\n",
    "fish_other": PLUGIN + SAMPLES,
    "fish_deaf": PLUGIN.replace("(Fish(", "(Deaf(") + SAMPLES,  # refuses what its provider signed: below bronze
    "fish_dead": "raise RuntimeError('belly up')\n",
    "no_fish": "from patchbay.hookspecs import hookimpl\n@hookimpl\ndef register_permissions():\n    return ()\n",
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path with a distribution that offers the modules as plugins of the same name."""
    info = tmp_path / "fish-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fish\nVersion: 1.0\n", encoding="utf-8")
    points = "".join(f"{name} = {name}\n" for name in MODULES)
    (info / "entry_points.txt").write_text(f"[patchbay.plugins]\n{points}", encoding="utf-8")
    for name, text in MODULES.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in MODULES:
        sys.modules.pop(name, None)


def certify(
    folder: Path, plugins: str, *arguments: str, program: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command as a process, a warning being an error."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PATCHBAY_")}
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    how = ["-c", program] if program else ["-m", "patchbay"]
    return subprocess.run(
        [sys.executable, "-W", "error", *how, "plugins", "certify", *arguments],
        env={**plain, "PATCHBAY_PLUGINS": plugins, "PYTHONPATH": path},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_a_process_certifies_whatsapp_platinum_with_nothing_but_patchbay(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from patchbay.__main__ import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "finally:\n    print('imported', [name for name in ('pytest', 'hypothesis') if name in sys.modules])\n"
    )
    done = certify(tmp_path, "whatsapp", "whatsapp", "--level", "platinum", program=program)
    assert (done.returncode, done.stderr) == (0, "")
    *report, level, imported = done.stdout.splitlines()
    assert "  ok       interleavings end in one state" in report
    assert level.startswith("whatsapp: platinum (")
    assert imported == "imported []"


def test_a_channel_below_the_wanted_level_ends_with_1(site: Path) -> None:
    done = certify(site, "fish_deaf", "fish_deaf")
    assert (done.returncode, done.stderr) == (1, "fish_deaf does not reach bronze.\n")
    assert "  FAIL     only the provider is believed\n" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("fish: below bronze (")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("owl", "There is no plugin owl: it is neither installed nor on the list (core, fish_mute)."),
        ("fish_odd", "The plugin fish_odd is installed and not on the list PATCHBAY_PLUGINS: add it there first."),
    ],
)
def test_a_process_that_cannot_certify_says_one_sentence(site: Path, name: str, sentence: str) -> None:
    done = certify(site, "fish_mute", name)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", sentence + "\n")


def test_a_level_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    done = certify(tmp_path, "whatsapp", "whatsapp", "--level", "tin")
    assert done.returncode == 2
    assert "'tin' is not one of" in done.stderr


def loaded(*names: str) -> Loaded:
    points = [EntryPoint(name, name, GROUP) for name in MODULES]
    points.append(EntryPoint("whatsapp", "patchbay_whatsapp", GROUP))
    return load_plugins({"PATCHBAY_PLUGINS": ",".join(names)}, entry_points=points)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "fish_mute",
            "The plugin fish_mute brings no samples: there is no function certification() in fish_mute",
        ),
        ("fish_odd", "The plugin fish_odd: certification returned int, not ChannelSamples."),
        ("fish_angry", "The plugin fish_angry: certification raised LookupError: no water."),
        ("fish_other", "The plugin fish_other: certification is of Deaf, which is not the channel that it registers."),
        ("fish_dead", "The plugin fish_dead is not loaded: Its import raised RuntimeError: belly up."),
        ("no_fish", "The plugin no_fish brings no channel, and only channels are certified."),
        ("core", "The plugin core brings no channel, and only channels are certified."),
        (
            "gone",
            "The plugin gone is not loaded: No installed distribution offers a plugin of this name;",
        ),
    ],
)
def test_each_reason_why_nothing_can_be_certified_is_a_sentence(site: Path, name: str, sentence: str) -> None:
    with pytest.raises(Uncertifiable) as told:
        samples_of(loaded(*([name] if name != "core" else [])), name)
    assert told.value.detail.startswith(sentence)
    assert "\n" not in told.value.detail


@pytest.mark.parametrize(("name", "channel"), [("fish_deaf", "fish"), ("whatsapp", "whatsapp")])
def test_samples_are_found_in_the_module_or_beside_it(site: Path, name: str, channel: str) -> None:
    samples = samples_of(loaded(name), name)
    assert isinstance(samples, ChannelSamples)
    assert samples.channel.name == channel


def test_a_plugin_that_is_not_on_the_list_is_not_imported(site: Path) -> None:
    with pytest.raises(Uncertifiable):
        samples_of(loaded("fish_mute"), "fish_deaf")
    assert "fish_deaf" not in sys.modules
