"""An exported enlarger serves every kind of picture: alpha, grey and 16 bits come through `convert` and the server.

The network is a real one as training begins with it: its answer is known, each pixel scale x scale times.
"""

from __future__ import annotations

import io

import httpx
import numpy as np
import pytest
import tifffile
from PIL import Image
from small_models import card_for

from i2i.datasets.streams.imresize import imresize
from i2i.export.onnx_file import export_onnx
from i2i.images.decode import read_picture
from i2i.images.image import Picture
from i2i.networks import GENERATORS
from i2i.serving import Engine
from i2i.serving.web.server import create_app

SCALE = 2
KINDS = {
    "rgb": ("png", np.uint8, 3),
    "alpha": ("png", np.uint8, 4),
    "grey": ("png", np.uint8, 1),
    "grey with alpha": ("png", np.uint8, 2),
    "16 bits of grey": ("png", np.uint16, 1),
    "16 bits": ("tif", np.uint16, 3),
    "16 bits with alpha": ("tif", np.uint16, 4),
}
"""File type, values and channels by name."""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    network = GENERATORS["compact"](3, 3, scale=SCALE, width=4, blocks=1, skip="nearest")
    path = tmp_path_factory.mktemp("enlarging") / "x2.onnx"
    export_onnx(network, path, card_for("x2", method="srgan", task="super-resolution", scale=SCALE, tiling="global"))
    return path


def picture(kind, height=37, width=51):
    """Of no round size; the channels move apart, and alpha is a ramp."""
    _, dtype, channels = KINDS[kind]
    most = np.iinfo(dtype).max
    x, y = np.linspace(0, 1, width), np.linspace(0, 1, height)[:, None]
    planes = [x * y, (1 - x) * y, x * (1 - y)][: channels - 1 + channels % 2]
    if channels in (2, 4):
        planes.append(np.broadcast_to(x, (height, width)))
    return np.rint(np.dstack(planes) * most).astype(dtype)


def write(kind, path):
    pixels = picture(kind)
    if KINDS[kind][0] == "tif":
        extra = {"extrasamples": ["unassalpha"]} if pixels.shape[2] == 4 else {}
        tifffile.imwrite(path, pixels, photometric="rgb", **extra)
    else:
        Image.fromarray(pixels.squeeze()).save(path)


def check(kind, result):
    """Colours that are seen are repeated, alpha is enlarged smoothly, and type and channels are the file's."""
    given = picture(kind)
    whole = result.pixels if result.alpha is None else np.dstack([result.pixels, result.alpha])
    assert whole.dtype == given.dtype
    assert whole.shape == (37 * SCALE, 51 * SCALE, given.shape[2])
    colours = given.shape[2] // 2 * 2 - 1 if given.shape[2] in (2, 4) else given.shape[2]
    level = np.iinfo(given.dtype).max / 255
    repeated = np.kron(given[..., :colours].astype(float), np.ones((SCALE, SCALE, 1)))
    seen = np.kron(given[..., -1] > 0, np.ones((SCALE, SCALE))) > 0 if colours < given.shape[2] else ...
    assert np.abs(whole[..., :colours] - repeated)[seen].max() <= level
    if colours < given.shape[2]:
        smooth = imresize(given[..., colours:].astype(np.float32), SCALE)
        inside = (slice(8, -8), slice(8, -8))
        assert np.abs(whole[..., colours:].astype(float) - smooth)[inside].max() <= 2 * level


@pytest.mark.parametrize("kind", KINDS)
def test_convert_enlarges_every_kind_of_picture(kind, model, i2i, tmp_path):
    name = f"picture.{KINDS[kind][0]}"
    (tmp_path / "in").mkdir()
    write(kind, tmp_path / "in" / name)
    code, _, err = i2i("convert", model, tmp_path / "in", tmp_path / "out", "--device", "cpu")
    assert code == 0, err
    check(kind, read_picture(tmp_path / "out" / name))


@pytest.fixture(scope="module")
def client(serving, model):
    with serving(create_app({"x2": Engine(model, device="cpu")}, page=False)) as base, httpx.Client(
        base_url=base
    ) as client:  # fmt: skip
        yield client


@pytest.mark.parametrize("kind", KINDS)
def test_the_server_enlarges_every_kind_of_picture(kind, client, tmp_path):
    given = tmp_path / f"in.{KINDS[kind][0]}"
    write(kind, given)
    answer = client.post("/v1/translate", content=given.read_bytes())
    assert answer.status_code == 200, answer.text
    (tmp_path / "out.png").write_bytes(answer.content)
    check(kind, read_picture(tmp_path / "out.png"))


def test_the_server_says_the_scale(client):
    (card,) = client.get("/v1/models").json()["models"]
    assert card["scale"] == SCALE


def test_a_palette_picture_and_a_jpeg_are_enlarged_as_well(client):
    rgb = picture("rgb")
    for save in (lambda f: Image.fromarray(rgb).quantize(64).save(f, "PNG"),
                 lambda f: Image.fromarray(rgb).save(f, "JPEG", quality=95)):  # fmt: skip
        data = io.BytesIO()
        save(data)
        answer = client.post("/v1/translate", content=data.getvalue(), headers={"Accept": "image/png"})
        assert Image.open(io.BytesIO(answer.content)).size == (51 * SCALE, 37 * SCALE)


# Four times as large


@pytest.fixture(scope="module")
def x4(tmp_path_factory):
    """A network that begins as bicubic enlargement."""
    network = GENERATORS["compact"](3, 3, scale=4, width=4, blocks=1)
    path = tmp_path_factory.mktemp("enlarging") / "x4.onnx"
    export_onnx(network, path, card_for("x4", method="srgan", task="super-resolution", scale=4, tiling="global"))
    return Engine(path, device="cpu")


def test_a_photograph_of_two_megapixels_goes_through_the_server_at_scale_4_as_it_is_by_default(x4, serving):
    small = np.random.default_rng(5).integers(0, 256, (10, 20, 3), dtype=np.uint8)
    photo, data = Image.fromarray(small).resize((2000, 1000), Image.Resampling.BICUBIC), io.BytesIO()
    photo.save(data, "JPEG", quality=95)
    with serving(create_app({"x4": x4}, page=False)) as base:
        answer = httpx.post(f"{base}/v1/translate", content=data.getvalue(), timeout=60)
    assert answer.status_code == 200, answer.text
    with Image.open(io.BytesIO(answer.content)) as large:
        assert large.size == (8000, 4000)
        back = np.asarray(large.reduce(4), np.int16)
    assert np.abs(back - np.asarray(Image.open(data), np.int16)).max() <= 4


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_white_square_on_hidden_black_gets_no_dark_rim(x4, dtype, channels):
    white = 1 if dtype is np.float32 else np.iinfo(dtype).max
    alpha = np.zeros((48, 48), dtype)
    alpha[13:36, 12:37] = white
    large = x4.translate(Picture(np.repeat(alpha[..., None], channels, axis=2), alpha))
    pixels, opaque = (values.astype(float) / white for values in (large.pixels, large.alpha[..., None]))
    on_white = pixels * opaque + (1 - opaque)
    assert on_white.min() * 255 >= 250
    assert opaque.max() > 0.99
