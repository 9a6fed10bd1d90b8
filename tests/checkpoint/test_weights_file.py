"""Every container, nesting and prefix loads; every bad file is named in words; nothing in a file is run."""

import argparse
import copy
import datetime
import os
import pickle
import random
import struct
import zipfile
from collections import defaultdict, deque
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from reon_export.checkpoint.load import load_checkpoint
from reon_export.errors import CheckpointError
from reon_export.spec import Layout
from tests.support.checkpoint_files import State, refused, same_weights, saved

# --- good files -----------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".pt", ".bin"])
@pytest.mark.parametrize("container", ["zip", "legacy", "safetensors"])
def test_containers_are_told_by_content(tmp_path: Path, trained: State, container: str, suffix: str) -> None:
    path = tmp_path / f"weights{suffix}"
    if container == "safetensors":
        save_file(trained, path)
    else:
        saved(path, trained, _use_new_zipfile_serialization=container == "zip")
    assert same_weights(load_checkpoint(path).model, trained)


NESTS: dict[str, Callable[[State], object]] = {
    "state_dict": lambda state: {"epoch": 3, "optimizer": {"state": {}}, "state_dict": state},
    "model": lambda state: {"model": state, "loss": torch.tensor(0.5)},
    "model_state_dict": lambda state: {"model_state_dict": state},
    "ema": lambda state: {"ema": state},
    "net": lambda state: {"net": state, "acc": 93.1},
    "model.state_dict": lambda state: {"model": {"state_dict": state}},
    "state_dict_ema": lambda state: {"state_dict": {}, "state_dict_ema": state},
}


@pytest.mark.parametrize("key", NESTS)
def test_nested_state_dicts(tmp_path: Path, trained: State, key: str) -> None:
    checkpoint = load_checkpoint(saved(tmp_path / "a.pt", NESTS[key](trained)))
    assert checkpoint.entry == key
    assert same_weights(checkpoint.model, trained)


def test_averaged_weights_win_over_plain_ones(tmp_path: Path, trained: State) -> None:
    plain = {**trained, "classifier.1.bias": torch.zeros(7)}
    checkpoint = load_checkpoint(saved(tmp_path / "a.pt", {"state_dict": plain, "state_dict_ema": trained}))
    assert checkpoint.entry == "state_dict_ema"
    assert torch.equal(checkpoint.model.state_dict()["classifier.1.bias"], trained["classifier.1.bias"])


@pytest.mark.parametrize("prefix", ["module.", "model.", "_orig_mod.", "module._orig_mod.model.", "module.module."])
def test_prefixes(tmp_path: Path, blank: State, prefix: str) -> None:
    content = {f"{prefix}{key}": value for key, value in blank.items()} | {"n_averaged": torch.tensor(9)}
    assert load_checkpoint(saved(tmp_path / "a.pt", content)).layout == "torchvision"


def test_counters_do_not_matter(tmp_path: Path, blank: State) -> None:
    counters = {"features.0.1.num_batches_tracked": torch.tensor(5)}
    assert load_checkpoint(saved(tmp_path / "a.pt", blank | counters)).num_classes == 7


@pytest.mark.parametrize("legacy", [False, True])
def test_what_training_scripts_store_beside_the_weights(tmp_path: Path, blank: State, legacy: bool) -> None:
    content = {
        "args": argparse.Namespace(model="efficientnet_b0", lr=0.1, output=Path("runs") / "1"),
        "best": np.float64(91.5),
        "count": np.int64(7),
        "curve": np.linspace(0, 1, 5),
        "names": np.array(["a", "b"], dtype=object),
        "by_class": defaultdict(list, {"joy": [1]}),
        "recent": deque([0.1], maxlen=5),
        "saved_at": datetime.datetime.now(datetime.UTC),
        "took": datetime.timedelta(seconds=5),
        "random": (random.getstate(), random.Random(1), np.random.get_state(), np.random.default_rng(1)),  # noqa: S311
        "torch_random": torch.get_rng_state(),
        "range": slice(1, 2),
        "state_dict": blank,
    }
    path = saved(tmp_path / "last.pth.tar", content, _use_new_zipfile_serialization=not legacy)
    assert load_checkpoint(path).entry == "state_dict"


# --- bad files ------------------------------------------------------------------------------------


def test_missing_files_name_near_ones(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()
    assert refused(tmp_path / "model.safetensor") == "model.safetensor does not exist: did you mean model.safetensors?"
    assert refused(tmp_path / "nowhere" / "a.pt") == "a.pt does not exist: check the path"


def test_folders_and_empty_files(tmp_path: Path) -> None:
    wanted = f"{tmp_path.name} is a folder, expected one .pt, .pth or .safetensors file in it, got"
    assert refused(tmp_path) == f"{wanted} none"
    (tmp_path / "a.pt").touch()
    assert refused(tmp_path / "a.pt") == "a.pt is empty (0 bytes): copy or download it again"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\xff\xd8\xff\xe0\0\0JFIF", "a JPEG image"),
        (b"epoch,loss\n1,0.5\n", "a text file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer (`git lfs pull` fetches the real file)"),
        (b"<!DOCTYPE html><title>404</title>", "a web page (a download that went wrong)"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file (Keras)"),
        (pickle.dumps({"a": 1}), "a Python pickle that torch.save did not write"),
        (b"\0\1\2\3", "a file of unknown kind (first bytes 00 01 02 03)"),
    ],
)
def test_other_files_are_named(tmp_path: Path, content: bytes, kind: str) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(content)
    wanted = "expected a file that torch.save or safetensors wrote"
    assert refused(path) == f"a.pth is {kind}, not a checkpoint: {wanted}"


def test_a_text_file_named_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_text("hello there")
    assert refused(path) == "a.safetensors is named .safetensors but is a text file: expected safetensors' header"


def test_a_zip_that_is_no_checkpoint(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert refused(tmp_path / "a.pt").startswith("a.pt is a zip archive without torch's data.pkl, not a checkpoint")


@pytest.mark.parametrize("kept", [30, 3000, 0.5, 0.999])
@pytest.mark.parametrize("container", ["zip", "legacy", "safetensors"])
def test_cut_off_files(tmp_path: Path, trained: State, container: str, kept: float) -> None:
    path = tmp_path / "a.bin"
    if container == "safetensors":
        save_file(trained, path)
    else:
        saved(path, trained, _use_new_zipfile_serialization=container == "zip")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept if kept > 1 else kept * len(whole))])
    message = refused(path)
    assert "cut off" in message
    assert message.endswith("copy or download it again")
    assert "\n" not in message


def test_a_safetensors_header_longer_than_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(struct.pack("<Q", 5000) + b'{"a":')
    assert refused(path).startswith("a.safetensors is damaged or cut off (13 bytes; safetensors: ")


def test_files_without_tensors(tmp_path: Path) -> None:
    holds = {
        "a dict without tensors (its keys: epoch, state_dict)": {"epoch": 1, "state_dict": {}},
        "a dict without tensors (its keys: none)": {},
        "a list": [torch.zeros(2)],
        "a Tensor": torch.zeros(3),
    }
    for words, content in holds.items():
        message = refused(saved(tmp_path / "a.pt", content))
        assert message == f"a.pt holds {words}: expected the state dict of an EfficientNet-B0"
    save_file({}, tmp_path / "a.safetensors")
    assert refused(tmp_path / "a.safetensors").startswith("a.safetensors holds no tensors")


class Settings:
    """An object of somebody's own class beside the weights."""

    def __init__(self, **values: object) -> None:
        self.__dict__.update(values)


RECIPES: dict[str, Callable[[nn.Module], object]] = {
    "loaded.state_dict()": lambda model: model,
    "loaded['model'].state_dict()": lambda model: {"model": model, "epoch": 3},
    "loaded['net'].state_dict()": lambda model: {"net": nn.DataParallel(model), "acc": 0.9},
    "loaded['ema'].state_dict()": lambda model: {"model": copy.deepcopy(model), "ema": model},
    "loaded['a b']['c\"d'].state_dict()": lambda model: {"a b": {'c"d': model}},
    "loaded['ema'].module.state_dict()": lambda model: {"model": model, "ema": Settings(module=model, decay=0.9)},
    "loaded['state_dict']": lambda model: {"state_dict": model.state_dict(), "settings": Settings(lr=0.1)},
    "loaded['weights']": lambda model: {"settings": Settings(lr=0.1), "weights": model.state_dict()},
    "{k: v for k, v in loaded.items() if torch.is_tensor(v)}": lambda model: {
        **model.state_dict(),
        "settings": Settings(lr=0.1),
    },
    "loaded['ema']['shadow']": lambda model: {
        "model": model.state_dict(),
        "ema": {"shadow": model.state_dict(), "settings": Settings()},
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("expression", RECIPES)
def test_the_recipe_in_a_refusal_works_as_printed(
    tmp_path: Path, fresh: dict[Layout, nn.Module], expression: str, legacy: bool
) -> None:
    content = RECIPES[expression](fresh["torchvision"])
    path = saved(tmp_path / "whole.pth", content, _use_new_zipfile_serialization=not legacy)
    check_recipe(path, f"torch.save({expression}, {str(tmp_path / 'whole_state_dict.pth')!r})")


@pytest.mark.slow
@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("layout", ["torchvision", "timm", "efficientnet_pytorch"])
def test_a_pickled_module_is_refused_with_the_two_lines(
    tmp_path: Path, fresh: dict[Layout, nn.Module], layout: Layout, legacy: bool
) -> None:
    path = saved(tmp_path / "whole.pth", fresh[layout], _use_new_zipfile_serialization=not legacy)
    first = refused(path).splitlines()[0]
    assert first.startswith("whole.pth holds a whole pickled module (")
    assert "expected a state dict: unpickling could run any code, so it was not loaded" in first
    check_recipe(path, f"torch.save(loaded.state_dict(), {str(tmp_path / 'whole_state_dict.pth')!r})")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["it's.pth", 'a"b.pth', "x'); print('injected.pth", "back\\slash.pth", "새 모델.pth"])
def test_a_recipe_quotes_the_path(tmp_path: Path, fresh: dict[Layout, nn.Module], name: str) -> None:
    path = saved(tmp_path / name, fresh["torchvision"])
    check_recipe(path, "torch.save(loaded.state_dict(), ")


def check_recipe(path: Path, last_line: str) -> None:
    """The last line of the refusal is this one, and the file that the printed lines make is taken."""
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    _, *code = str(caught.value).splitlines()
    assert len(code) == 2
    assert code[1].strip().startswith(last_line)
    exec("\n".join(line.strip() for line in code))  # noqa: S102
    made = path.with_name(f"{path.stem}_state_dict.pth")
    assert load_checkpoint(made).num_classes in {7, 1000}


def test_a_recipe_without_a_network_shows_what_is_there(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pt", {"settings": Settings(lr=0.1)})
    assert refused(path).splitlines()[-1] == "    print(loaded)  # shows where they lie"


class Malicious:
    """What a hostile checkpoint holds: unpickling it writes a file."""

    def __init__(self, call: Callable[..., object], *arguments: object) -> None:
        self.call = (call, arguments)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("way", ["system", "eval", "namespace"])
def test_a_malicious_pickle_is_not_run(tmp_path: Path, blank: State, way: str, legacy: bool) -> None:
    marker = tmp_path / "marker"
    attack: object = Malicious(os.system, f"touch {marker}")
    if way == "eval":
        attack = Malicious(eval, f"open({str(marker)!r}, 'w').write('x')")
    elif way == "namespace":
        attack = argparse.Namespace(inner=attack)
    path = saved(tmp_path / "a.pt", {"state_dict": blank, "extra": attack}, _use_new_zipfile_serialization=not legacy)
    message = refused(path)
    assert not marker.exists()
    assert message.startswith("a.pt names Python code (")
    assert ("eval" if way == "eval" else "posix.system") in message.splitlines()[0]
    torch.load(path, weights_only=False)  # the trap itself works
    assert marker.exists()


def test_a_torchscript_archive(tmp_path: Path) -> None:
    path = tmp_path / "scripted.pt"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("data.pkl", "constants.pkl", "code/__torch__.py"):
            archive.writestr(f"scripted/{name}", "")
    assert (
        refused(path).splitlines()[0] == "scripted.pt is a TorchScript archive, expected a state dict. Make one with:"
    )
