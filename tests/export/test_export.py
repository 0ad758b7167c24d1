"""Exported models: other programs reproduce the parameters that the module predicts."""

from __future__ import annotations

import json
import logging
import runpy
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from cases import CASES, Case
from torch import Tensor, nn

from likelihead import DistributionHead, Ensemble, LikelihoodError, LikelihoodModule, load
from likelihead.architectures import build_for
from likelihead.data import split_table
from likelihead.evaluation.predictions import parameters
from likelihead.export import Preprocessing, export
from likelihead.export.onnx_graph import onnx_graph
from likelihead.export.program import ParameterProgram, traced
from likelihead.inference import equal_mixture

ROOT = Path(__file__).resolve().parents[2]
NEW = torch.randn(7, 3, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module", autouse=True)
def quiet() -> Iterator[None]:
    """Keep pytest from recording torch's trace, which takes as long as the export."""
    logger = logging.getLogger("torch.__trace")
    logger.propagate = False
    yield
    logger.propagate = True


def model_of(case: Case, architecture: str = "mlp") -> LikelihoodModule:
    """An untrained model of three inputs whose predictions differ from row to row, anchored at a marginal fit."""
    torch.manual_seed(0)
    options = {"width": 8} if architecture == "mlp" else {}
    network = build_for(architecture, torch.randn(64, 3), **options)
    head = DistributionHead(case.spec, network.out_features, event_size=case.event_size)
    for parameter in head.parameter.values():
        if hasattr(parameter, "anchor"):
            parameter.set_anchor(torch.rand_like(parameter.anchor), 0.5 + torch.rand_like(parameter.unit))
    return LikelihoodModule(network, head).eval()


def run(file: Path, **inputs: Tensor) -> dict[str, np.ndarray]:
    """The outputs of an ONNX file, by name."""
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(file)
    outputs = session.run(None, {name: value.numpy() for name, value in inputs.items()})
    return dict(zip([output.name for output in session.get_outputs()], outputs, strict=True))


def check(outputs: dict[str, np.ndarray], module: LikelihoodModule, case: Case, x: Tensor) -> None:
    """The outputs are the parameters of module(x), and give its log-probabilities."""
    with torch.no_grad():
        predicted, values = module(x), module.head.values(module.architecture(x))
    assert list(outputs) == list(module.head.family.roles)
    for name, value in values.items():
        np.testing.assert_allclose(outputs[name], value, rtol=1e-5, atol=1e-5, err_msg=f"{case.name}: {name}")
    again = module.head.family.build({name: torch.from_numpy(value) for name, value in outputs.items()})
    y = case.inside[:1].expand(len(x), *case.inside.shape[1:])
    y = y.float() if y.is_floating_point() else y
    torch.testing.assert_close(again.log_prob(y), predicted.log_prob(y), rtol=1e-4, atol=1e-4)


class All(nn.Module):
    """The programs of several modules as one, which is converted in a fraction of the time."""

    def __init__(self, modules: list[LikelihoodModule]) -> None:
        super().__init__()
        self.programs = nn.ModuleList([ParameterProgram(module, None) for module in modules])

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(value for program in self.programs for value in program(x))


@pytest.fixture(scope="module")
def joint(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, LikelihoodModule]]:
    """One ONNX file with the parameters of all shipped families."""
    pytest.importorskip("onnxscript")
    modules = {name: model_of(case, "linear") for name, case in CASES.items()}
    names = [f"{name}.{parameter}" for name, module in modules.items() for parameter in module.head.family.roles]
    graph = onnx_graph(traced(All(list(modules.values())).eval(), {"x": NEW}), ["x"], names)
    file = tmp_path_factory.mktemp("onnx") / "all.onnx"
    graph.save(file, external_data=False)
    return file, modules


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("rows", [7, 1])
def test_onnx_runtime_reproduces_the_parameters(
    name: str, rows: int, joint: tuple[Path, dict[str, LikelihoodModule]]
) -> None:
    file, modules = joint
    found = {key: value for key, value in run(file, x=NEW[:rows]).items() if key.split(".")[0] == name}
    outputs = {key.split(".")[1]: value for key, value in found.items()}
    check(outputs, modules[name], CASES[name], NEW[:rows])


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_each_family_has_a_file_of_its_own(name: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    module = model_of(CASES[name])
    export(module, tmp_path / "model.onnx")
    check(run(tmp_path / "model.onnx", x=NEW), module, CASES[name], NEW)


@pytest.mark.parametrize("name", CASES)
def test_the_card_says_what_the_parameters_are(name: str, tmp_path: Path) -> None:
    """From the card alone the distribution can be built again."""
    module, case = model_of(CASES[name], "linear"), CASES[name]
    card = export(module, tmp_path / "model.safetensors")
    assert card == json.loads((tmp_path / "model.json").read_text())
    head = DistributionHead(card["distribution"], 3, card["event_size"], card["output_shape"])
    shapes = {parameter["name"]: tuple(parameter["shape"]) for parameter in card["parameters"]}
    assert shapes == {key: value.shape[1:] for key, value in case.parameters.items()}
    assert head(NEW).__class__ is module(NEW).__class__ and card["target"]["type"] == head.target_type.name


@pytest.mark.parametrize("name", ["normal", "gaussian_mixture", "plackett_luce"])
def test_a_torch_program_and_safetensors_give_the_same_module(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    module = model_of(case)
    export(module, tmp_path / "model.pt2")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.load(tmp_path / "model.pt2").module()
    values = dict(zip(case.parameters, program(x=NEW[:1]), strict=True))
    check({key: value.detach().numpy() for key, value in values.items()}, module, case, NEW[:1])
    export(module, tmp_path / "model.safetensors")
    again = load(tmp_path / "model.safetensors")
    torch.testing.assert_close(dict(parameters(again(NEW))), dict(parameters(module(NEW))), rtol=0, atol=0)


def test_an_ensemble_gives_the_parameters_of_every_member(tmp_path: Path) -> None:
    case = CASES["gamma"]
    ensemble = Ensemble.of(lambda: model_of(case), members=3).eval()
    torch.nn.init.normal_(ensemble.member_head.linear.weight)
    assert export(ensemble, tmp_path / "model.pt2")["members"] == 3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = torch.export.load(tmp_path / "model.pt2").module()(x=NEW)
    built = [
        ensemble.head.family.build(dict(zip(case.parameters, [v[:, k] for v in values], strict=True))) for k in range(3)
    ]
    torch.testing.assert_close(equal_mixture(built).log_prob(torch.ones(7)), ensemble(NEW).log_prob(torch.ones(7)))
    export(ensemble, tmp_path / "model.safetensors")
    again = load(tmp_path / "model.safetensors")
    torch.testing.assert_close(again(NEW).mean, ensemble(NEW).mean, rtol=0, atol=0)


def untidy(rows: int, seed: int = 0) -> pd.DataFrame:
    """Numbers, labels, dates and flags, with empty cells; and counts over an exposure."""
    rng = np.random.default_rng(seed)
    days = pd.Timestamp("2019-02-27 23:59:58.5") + pd.to_timedelta(rng.uniform(0, 1500, rows), unit="D")
    frame = pd.DataFrame({"size": 1e6 + rng.normal(size=rows), "shop": rng.choice(["a", "b", "c"], rows)})
    frame["ward"] = rng.choice([f"w{number}" for number in range(70)], rows)
    frame["day"], frame["flag"] = days.strftime("%Y-%m-%d %H:%M:%S"), rng.choice(["True", "False"], rows)
    frame["hours"], frame["visits"] = rng.uniform(0.5, 2.0, rows), rng.poisson(3.0, rows)
    for number, name in enumerate(["size", "shop", "day"]):
        frame.loc[number :: 7 + number, name] = None
    return frame


@pytest.fixture(scope="module")
def visits() -> LikelihoodModule:
    """A model of an untidy table, with weights at random."""
    options = {"exposure": "hours", "max_levels": 20, "min_level_count": 3, "unseen": "ignore"}
    module = LikelihoodModule.for_data(split_table(untidy(600), "poisson", "visits", **options), "poisson", width=8)
    torch.nn.init.normal_(module.head.linear.weight)
    return module.eval()


def test_the_preprocessing_is_that_of_the_encoder(visits: LikelihoodModule) -> None:
    """Over four years of seconds, a leap year included."""
    data = split_table(untidy(600), "poisson", "visits", exposure="hours")
    days = pd.DataFrame({"day": pd.date_range("2023-12-25", "2025-01-05", freq="6h13min7s")})
    encoder = next(column for column in data.encoder.columns if column.name == "day")
    elapsed = (days.day - pd.Timestamp(0)) / pd.Timedelta(days=1)
    program = Preprocessing(type(data.encoder)([encoder], data.encoder.target))
    expected = encoder.encode(days.day.dt.strftime("%Y-%m-%d %H:%M:%S"), False)
    np.testing.assert_allclose(program(torch.tensor(elapsed.to_numpy())[:, None]), expected, atol=2e-6)
    assert encoder.cycles == ["year", "week", "day"]


def test_the_example_scores_a_table_without_torch(visits: LikelihoodModule, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    export(visits, tmp_path / "model.onnx")
    new = untidy(50, seed=1)
    new.loc[3, "ward"] = "unheard of"
    new.to_csv(tmp_path / "new.csv", index=False)
    example = runpy.run_path(str(ROOT / "examples" / "score_exported.py"))
    scored = example["score"](tmp_path / "model.onnx", tmp_path / "new.csv")
    expected = visits.predict(pd.read_csv(tmp_path / "new.csv"), unseen="ignore")["rate"]
    assert expected.std() > 0.1
    np.testing.assert_allclose(scored["rate"], expected, rtol=1e-5)


class Pixels(nn.Sequential):
    out_features = 9


class Broken(nn.Module):
    out_features = 3

    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


def own(network: nn.Module) -> LikelihoodModule:
    return LikelihoodModule(network, DistributionHead("poisson", network.out_features))


def test_a_network_of_ones_own_is_exported_with_an_example(tmp_path: Path) -> None:
    module = own(Pixels(nn.Conv2d(1, 1, 3), nn.Flatten()))
    card = export(module, tmp_path / "model.pt2", x=torch.rand(1, 1, 5, 5))
    assert card["inputs"] is None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (rate,) = torch.export.load(tmp_path / "model.pt2").module()(x=torch.ones(4, 1, 5, 5))
    torch.testing.assert_close(rate, module(torch.ones(4, 1, 5, 5)).rate)


MISTAKES: dict[str, tuple[Any, ...]] = {
    "ending": ("model.bin", None, None, "the name must end in one of .onnx, .pt2, .safetensors"),
    "format": ("model.onnx", "onx", None, "there is no format 'onx': did you mean 'onnx'"),
    "both": ("model.onnx", "torch", None, "a file in the format torch must end in .pt2"),
    "example": ("model.pt2", None, None, "needs an example of its inputs"),
    "branch": ("model.pt2", None, torch.ones(2, 3), "torch.export cannot trace this network"),
}


@pytest.mark.parametrize(("name", "format", "x", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_gets_a_sentence(name: str, format: str, x: Tensor, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(LikelihoodError, match=sentence) as raised:
        export(own(Broken()), tmp_path / name, format, x)
    assert "\n" not in str(raised.value) and not list(tmp_path.iterdir())


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(LikelihoodError, match=r"format=onnx needs the package onnxscript: pip install"):
        export(model_of(CASES["normal"]), tmp_path / "model.onnx")


def test_a_damaged_file_of_weights_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(LikelihoodError, match="is damaged, or likelihead did not export it"):
        load(tmp_path / "model.safetensors")


def test_the_command_writes_model_and_card(
    command: Any, in_folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    untidy(120).to_csv("rows.csv", index=False)
    table = ["data=table", "data.path=rows.csv", "data.target=visits", "data.ignore=[ward,hours]", "data.unseen=ignore"]
    command("train", "distribution=poisson", *table, "trainer.max_epochs=1", "hydra.run.dir=run", "strategy=cpu")
    command("export", "checkpoint=run", "format=safetensors", "output=model.safetensors")
    assert "from size, shop, day, flag to rate:" in capsys.readouterr().out
    command("predict", "checkpoint=model.safetensors", "data.path=rows.csv", "output=a.csv")
    command("predict", "checkpoint=run", "data.path=rows.csv", "output=b.csv")
    assert Path("a.csv").read_text() == Path("b.csv").read_text()
    assert json.loads(Path("model.json").read_text())["inputs"][1]["levels"] == ["a", "b", "c"]
