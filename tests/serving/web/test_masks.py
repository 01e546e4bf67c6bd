"""Models that take a mask beside the picture."""

import io

import httpx
import numpy as np
import pytest
from PIL import Image

from i2i.serving.inference.engine import Engine
from i2i.serving.web.server import create_app


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def base(serving, tmp_path_factory):
    from small_models import write_model

    engine = Engine(write_model(tmp_path_factory.mktemp("masked"), "masked", multiple=4), device="cpu")
    with serving(create_app({"masked": engine}, page=False)) as address:
        yield address


@pytest.fixture
def pixels():
    return np.random.default_rng(1).integers(0, 256, (9, 13, 3), np.uint8)


@pytest.mark.parametrize("mode", ["L", "RGB", "1"])
def test_a_mask_is_a_second_file_of_the_form(base, pixels, mode):
    mask = np.zeros((9, 13), np.uint8)
    mask[2:5, 3:] = 255
    file = io.BytesIO()
    Image.fromarray(mask).convert(mode).save(file, "PNG")
    answer = httpx.post(f"{base}/v1/translate", files={"image": png(pixels), "mask": file.getvalue()})
    wanted = np.where(mask[..., None] == 255, 255 - pixels, pixels)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(answer.content))), wanted)


def test_what_is_missing_or_of_another_size_is_told(base, pixels):
    image, small = png(pixels), png(np.zeros((5, 5), np.uint8))
    without = httpx.post(f"{base}/v1/translate", content=image)
    assert (without.status_code, "file fields 'image' and 'mask'" in without.text) == (400, True)
    other = httpx.post(f"{base}/v1/translate", files={"image": image, "mask": small})
    assert (other.status_code, "'mask' has 5x5 pixels; it takes 13x9 here" in other.text) == (422, True)
    broken = httpx.post(f"{base}/v1/translate", files={"image": image, "mask": b"no picture"})
    assert broken.status_code == 415
    twice = httpx.post(f"{base}/v1/translate", files=[("image", image), ("image", image)])
    assert twice.status_code == 400


def test_the_listing_and_openapi_tell_of_it(base):
    assert httpx.get(f"{base}/v1/models").json()["models"][0]["pictures"] == {"mask": "mask"}
    body = httpx.get(f"{base}/openapi.json").json()["paths"]["/v1/translate"]["post"]["requestBody"]["content"]
    assert "mask" in body["multipart/form-data"]["schema"]["properties"]
