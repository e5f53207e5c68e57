"""Settings: what the file, the environment and flags may say, which comes first, what is wrong."""

from __future__ import annotations

import os
import pwd
import string
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import pytest
from textual.keys import _character_to_key

from flowtui.commands import COMMANDS
from flowtui.config.file import LARGEST, ConfigError, lines_of
from flowtui.config.settings import Settings, configured
from flowtui.config.values import SETTINGS
from flowtui.key_names import key_name, key_shown
from flowtui.model import State


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def settings(
    file: Path,
    text: str,
    *,
    flags: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    provider: str = "",
) -> Settings:
    file.write_text(text)
    return configured(flags or {}, environment or {}, str(file)).settings(provider)


def complaint(file: Path, text: str | bytes, **environment: str) -> str:
    """What is said of a file, without the folder that it is in."""
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as raised:
        configured({}, environment, str(file))
    assert "\n" not in str(raised.value)
    return str(raised.value).removeprefix(f"{file.parent}{os.sep}")


# Each setting

RIGHT: Mapping[str, tuple[str, Any]] = {
    "interval": ("2", 2.0),
    "theme": ('"nord"', "nord"),
    "palette": ('"colour-blind"', "colour-blind"),
    "ascii": ("true", True),
    "mouse": ("false", False),
    "notify": ('["terminal", "bell"]', ("bell", "terminal")),
    "read_only": ("true", True),
    "log.wrap": ("true", True),
    "log.timestamps": ("true", True),
    "log.json": ("true", True),
}
"""Name → a value in the file, and what comes of it."""

WRONG: Mapping[str, tuple[str, str]] = {
    "interval": ("0.01", "This wants a number of seconds from 0.1 to 3600, not 0.01."),
    "theme": ("7", "This wants the name of a theme, not 7."),
    "palette": ('"gaudy"', "This wants one of default, high-contrast, colour-blind, not 'gaudy'."),
    "notify": (
        '["bell", "pigeon"]',
        "This wants a list of bell, terminal, desktop, not ['bell', 'pigeon'].",
    ),
    **dict.fromkeys(
        ("ascii", "mouse", "read_only", "log.wrap", "log.timestamps", "log.json"),
        ('"yes"', "This wants true or false, not 'yes'."),
    ),
}


def test_every_setting_is_tried() -> None:
    assert set(RIGHT) == set(WRONG) == set(SETTINGS)


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_value_is_in_force_from_its_line(file: Path, name: str) -> None:
    written, value = RIGHT[name]
    known = settings(file, f"# My own.\n\n{name} = {written}\n")
    assert getattr(known, name.replace(".", "_")) == value
    assert known.origins[name] == "config.toml:3"
    others = set(known.origins.items()) - {(name, "config.toml:3")}
    assert {origin for _, origin in others} == {"default"}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_told_with_its_line(file: Path, name: str) -> None:
    written, sentence = WRONG[name]
    assert complaint(file, f"\n{name} = {written}\n") == f"config.toml:2: {name}: {sentence}"


@pytest.mark.parametrize("name", RIGHT)
def test_a_variable_says_the_same_as_the_file(file: Path, name: str) -> None:
    written, value = RIGHT[name]
    variable = f"FLOWTUI_{name.upper().replace('.', '_')}"
    words = written.strip('["]').replace('"', "")
    known = settings(file, "", environment={variable: words})
    assert getattr(known, name.replace(".", "_")) == value
    assert known.origins[name] == variable


@pytest.mark.parametrize("text", ["nan", "inf", "-1", "true", '"1"', "[1]", "{a = 1}", "1e400"])
def test_an_interval_is_a_number_in_its_range(file: Path, text: str) -> None:
    assert "interval: This wants a number of seconds" in complaint(file, f"interval = {text}")


@pytest.mark.parametrize(("word", "value"), [("1", True), ("0", False), ("True", True)])
def test_a_variable_may_say_yes_in_several_words(file: Path, word: str, value: bool) -> None:
    assert settings(file, "", environment={"FLOWTUI_READ_ONLY": word}).read_only is value


def test_a_variable_with_a_wrong_value_is_named(file: Path) -> None:
    said = complaint(file, "", FLOWTUI_ASCII="maybe")
    assert said == "FLOWTUI_ASCII: This wants true or false, not 'maybe'."
    said = complaint(file, "", FLOWTUI_INTERVAL="soon")
    assert said.startswith("FLOWTUI_INTERVAL: This wants a number of seconds")


def test_an_empty_variable_says_nothing(file: Path) -> None:
    assert settings(file, "", environment={"FLOWTUI_ASCII": ""}).origins["ascii"] == "default"


# Which comes first

FILE = "interval = 3\n[providers.service]\ninterval = 4\n"


@pytest.mark.parametrize(
    ("flag", "variable", "text", "provider", "value", "origin"),
    [
        (6.0, "5", FILE, "service", 6.0, "flag"),
        (None, "5", FILE, "service", 5.0, "FLOWTUI_INTERVAL"),
        (None, "", FILE, "service", 4.0, "config.toml:3"),
        (None, "", FILE, "local", 3.0, "config.toml:1"),
        (None, "", FILE, "", 3.0, "config.toml:1"),
        (None, "", "", "service", 1.0, "default"),
    ],
)
def test_flags_come_before_the_environment_the_file_and_defaults(
    file: Path,
    flag: float | None,
    variable: str,
    text: str,
    provider: str,
    value: float,
    origin: str,
) -> None:
    known = settings(
        file,
        text,
        flags={"interval": flag},
        environment={"FLOWTUI_INTERVAL": variable},
        provider=provider,
    )
    assert (known.interval, known.origins["interval"]) == (value, origin)


def test_a_provider_of_an_extension_may_have_settings(file: Path) -> None:
    text = "[providers.carrierpigeon]\nread_only = true\n"
    assert settings(file, text, provider="carrierpigeon").read_only
    assert not settings(file, text, provider="local").read_only


# Colours


def test_colours_are_by_state(file: Path) -> None:
    known = settings(file, '[colours]\nfailed = "#F00"\nlost = "#12ab34"\n')
    assert known.colours == {State.FAILED: "#ff0000", State.LOST: "#12ab34"}
    assert known.look().colour(State.FAILED) == "#ff0000"
    assert known.origins["colours.lost"] == "config.toml:3"


@pytest.mark.parametrize("text", ['"red"', '"#ff"', '"#gggggg"', "7", '"#ff0000 "', '"٣٣٣"'])
def test_a_colour_is_told_how_to_be_written(file: Path, text: str) -> None:
    said = complaint(file, f"[colours]\nfailed = {text}")
    assert said.startswith("config.toml:2: colours.failed: This wants a colour as in #ff8800, not")


# Keys


@pytest.mark.parametrize(
    ("written", "names", "shown"),
    [
        ('"ctrl+r"', ("ctrl+r",), "ctrl+r"),
        ('["R", "f9"]', ("R", "f9"), "R"),
        ('"f9"', ("f9",), "F9"),
        ('"$"', ("dollar_sign",), "$"),
        ('","', ("comma",), ","),
        ('"dollar_sign"', ("dollar_sign",), "$"),
        ('"shift+ctrl+left"', ("ctrl+shift+left",), "ctrl+shift+←"),
        ('"ctrl+R"', ("ctrl+r",), "ctrl+r"),
        ('"alt++"', ("alt+plus",), "alt++"),
        ('"ö"', ("ö",), "ö"),
        ('"€"', ("euro_sign",), "€"),
        ('["R", "R"]', ("R",), "R"),
        ('""', (), ""),
        ("[]", (), ""),
    ],
)
def test_a_command_gets_other_keys(
    file: Path, written: str, names: tuple[str, ...], shown: str
) -> None:
    known = settings(file, f"[keys]\nresume = {written}\n")
    assert known.keys == {"resume": names}
    assert known.catalogue().shown("resume") == shown
    assert known.origins["keys.resume"] == "config.toml:2"


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("3", "This wants a key, a list of keys, or '' for none, not 3."),
        ('["a", ""]', "This wants a key, a list of keys"),
        ('["a", 1]', "This wants a key, a list of keys"),
        ("false", "This wants a key, a list of keys"),
        ("{}", "This wants a key, a list of keys"),
        ('"entre"', "'entre' is no key. Did you mean enter?"),
        ('"xyzzy"', "'xyzzy' is no key. Keys are written as"),
        ('"ctl+r"', "'ctl' is none of alt, ctrl"),
        ('"ctrl+"', "is no key"),
        ('" "', "is no key"),
        ('"a,b"', "is no key"),
        ('"shift+r"', "never arrives: with shift, r is R"),
        ('"ctrl+m"', "arrives as enter"),
        ('"ctrl+q"', "always leaves flowtui"),
    ],
)
def test_a_key_that_is_none_is_told(file: Path, written: str, says: str) -> None:
    said = complaint(file, f"[keys]\nresume = {written}\n")
    assert said.startswith("config.toml:2: keys.resume: ")
    assert says in said


@pytest.mark.parametrize("character", sorted(set(string.printable) - set(string.whitespace)))
def test_a_character_is_called_what_textual_calls_it(character: str) -> None:
    name = key_name(character)
    assert name == _character_to_key(character)
    assert key_name(name) == name
    assert key_shown(name) == character


def test_the_default_keys_are_names_that_a_person_may_write() -> None:
    for command in COMMANDS:
        for key in command.keys.split(","):
            assert key_name(key) == key


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('resume = "y"', "2: y would be both resume and copy."),
        ('resume = "f"', "2: f would be both resume and follow."),
        ('resume = "q"', "2: q would be both quit and resume."),
        ('resume = ["R", "j"]', "2: j would be both resume and down."),
        ('zoom = "a"\n\nresume = "a"', "4: a would be both resume and zoom."),
        ('unfold = "n"', "2: n would be both next_difference and unfold."),
    ],
)
def test_a_key_for_two_things_at_once_is_told_with_both(file: Path, text: str, says: str) -> None:
    said = complaint(file, f"[keys]\n{text}\n")
    assert said == f"config.toml:{says} Give one of them another key."


@pytest.mark.parametrize(
    "text",
    [
        'unfold = "r"',  # Comparing attempts, where nothing resumes.
        'resume = "p"\npause = "r"',
        'resume = "q"\nquit = "Q"',
        'resume = "s"\nsort = ""',
        'copy = "c"\ncopy_log = "c"',  # As they share a key by default.
    ],
)
def test_a_key_may_be_used_again_where_it_is_free(file: Path, text: str) -> None:
    assert settings(file, f"[keys]\n{text}\n").keys


# Names that are none


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("intervall = 1", "1: There is no setting 'intervall'. Did you mean interval?"),
        ("\n[colors]\nfailed = '#000'", "2: There is no setting 'colors'. Did you mean colours?"),
        ("zzz = 1", "1: There is no setting 'zzz'. There are interval, theme, "),
        ("a.b.c = 1", "1: There is no setting 'a'."),
        ("[log]\nwrapp = true", "2: [log] has no 'wrapp'. Did you mean wrap?"),
        ("[log]\ninterval = 2", "2: [log] has no 'interval'. It stands above the first table."),
        ("[keys]\nresum = 'a'", "2: [keys] has no 'resum'. Did you mean resume?"),
        ("[colours]\nfaild = '#000'", "2: [colours] has no 'faild'. Did you mean failed?"),
        ("[providers.servise]", "1: [providers] has no 'servise'. Did you mean service?"),
        ("[providers.local]\nmouse = true", "2: [providers.local] has no 'mouse'."),
        ("keys = 3", "1: keys is a table. Write [keys], and its values below."),
        ("providers.local = 3", "1: providers.local is a table."),
        ("[interval]\na = 1", "1: interval: This wants a number of seconds from 0.1 to 3600, not"),
        ("log = {wrap = 1}", "1: log.wrap: This wants true or false, not 1."),
        ("log.wrap = 1979-05-27", "1: log.wrap: This wants true or false, not 1979-05-27."),
        (f"theme = {['x' * 99]}", "1: theme: This wants the name of a theme, not ['xxx"),
    ],
)
def test_a_name_that_is_none_is_told_with_what_was_meant(file: Path, text: str, says: str) -> None:
    said = complaint(file, text)
    assert says in said
    assert said.startswith("config.toml:")
    assert len(said) < 200


def test_lines_are_those_that_values_begin_on() -> None:
    text = (
        '\ufeff# Comment [not.a.table]\r\ninterval = 1\n"theme" = """\nascii = true\n[log]\n"""\n'
        "log.wrap = true # = 3\n[ keys ]\nresume = [\n  'a', # ]\n\n  ']',\n]\nquit = 'x'\n"
        "[providers.'my own'] # here\ninterval = 2\n[colours]\n"
    )
    assert dict(lines_of(text.removeprefix("\ufeff"))) == {
        ("interval",): 2,
        ("theme",): 3,
        ("log", "wrap"): 7,
        ("keys",): 8,
        ("keys", "resume"): 9,
        ("keys", "quit"): 14,
        ("providers", "my own"): 15,
        ("providers", "my own", "interval"): 16,
        ("colours",): 17,
    }


# Files that cannot be read


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"interval = 1\nascii =\n", "2: This is not TOML: invalid value."),
        (b"interval = 1\ninterval = 2\n", "2: This is not TOML: cannot overwrite a value."),
        (b'\ntheme = """x\n\n', "2: This is not TOML: unterminated string."),
        (b"interval = 1\n# caf\xe9\n", "2: This is not UTF-8, as TOML has to be."),
        (b"theme = " + b"[" * 30_000, " Its values are nested too deeply."),
        (b"#" * (LARGEST + 1), " No file of settings is larger than 64 kB."),
    ],
)
def test_a_file_that_is_no_toml_is_told(file: Path, data: bytes, says: str) -> None:
    assert complaint(file, data) == f"config.toml:{says}"


def test_a_byte_order_mark_is_no_mistake(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfinterval = 2\n")
    assert configured({}, {}, str(file)).settings().interval == 2


def test_a_file_that_was_named_has_to_be_there(tmp_path: Path) -> None:
    path = str(tmp_path / "no.toml")
    with pytest.raises(ConfigError, match=r"no\.toml: There is no such file, which --config names"):
        configured({}, {}, path)
    with pytest.raises(ConfigError, match="There is no such file, which FLOWTUI_CONFIG names"):
        configured({}, {"FLOWTUI_CONFIG": path})


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="This is a directory"):
        configured({}, {}, str(tmp_path))


def test_a_file_may_come_through_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    threading.Thread(target=pipe.write_text, args=["interval = 2\n"], daemon=True).start()
    assert configured({}, {}, str(pipe)).settings().interval == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told(file: Path) -> None:
    file.touch(mode=0o000)
    with pytest.raises(ConfigError, match="The settings cannot be read: permission denied"):
        configured({}, {}, str(file))


def test_a_file_that_cannot_be_read_is_told(file: Path) -> None:
    file.symlink_to(file)
    with pytest.raises(ConfigError, match="The settings cannot be read: too many levels"):
        configured({}, {}, str(file))


# Where it is


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return tmp_path


def test_without_a_file_all_is_default(home: Path) -> None:
    config = configured({}, {})
    assert set(config.settings().origins.values()) == {"default"}
    assert config.file.about.endswith("config.toml (there is none)")


def test_the_persons_own_file_is_found_unless_another_is_named(home: Path) -> None:
    own = configured({}, {}).file.path
    assert own is not None
    own.parent.mkdir(parents=True)
    own.write_text("interval = 2\n")
    other = home / "other.toml"
    other.write_text("interval = 3\n")
    assert configured({}, {}).settings().interval == 2
    assert configured({}, {"FLOWTUI_CONFIG": ""}).settings().interval == 2
    assert configured({}, {"FLOWTUI_CONFIG": str(other)}).settings().interval == 3
    assert configured({}, {"FLOWTUI_CONFIG": "/none"}, str(other)).settings().interval == 3


def test_a_folder_of_settings_that_is_a_file_is_no_matter(home: Path) -> None:
    (home / ".config").touch()
    assert configured({}, {}).settings().interval == 1


def test_without_a_home_directory_there_is_no_file(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(_: int) -> NoReturn:
        raise KeyError

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    config = configured({}, {})
    assert config.settings().interval == 1
    assert config.file.about == "no file, as there is no home directory"


# What is told


def test_a_flag_may_tell_less_than_the_file(file: Path) -> None:
    known = settings(file, 'notify = ["bell"]', flags={"notify": ()})
    assert (known.notify, known.origins["notify"]) == ((), "flag")
    assert {name: value for name, value, _ in known.told()}["notify"] == "none"


@pytest.mark.parametrize("text", ['"bell"', "true", "[1]", '["Bell"]', "[[]]", "{bell = true}"])
def test_ways_to_tell_are_a_list_of_their_names(file: Path, text: str) -> None:
    assert "notify: This wants a list of bell, terminal, desktop, not" in complaint(
        file, f"notify = {text}"
    )
