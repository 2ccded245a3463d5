"""GPT-2, BERT, generation and tokens against the transformers library."""

import json
import pathlib
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnnet
from fnnet import functional as F
from fnnet import models
from fnnet.checkpoint import RefusedFileError, flat, save
from fnnet.models import byte_pairs, generation, pretrained

pytestmark = pytest.mark.slow  # what they are built of is tested at both ends of the JAX versions

REFERENCE = pathlib.Path(__file__).parent / "reference"
RECORDED = json.loads((REFERENCE / "transformers.json").read_text())
GPT, BERT = RECORDED["gpt2_tiny"], RECORDED["bert_tiny"]
PROMPT = np.array(RECORDED["prompt"], np.int32)
CLOSE = {"rtol": 1e-5, "atol": 5e-6}  # float32 through two blocks


@pytest.fixture(scope="module")
def gpt():
    return models.load_gpt(REFERENCE / "gpt2_tiny")


def test_gpt_computes_and_differentiates_as_recorded(gpt):
    net, params = gpt

    def loss(params):
        logits = net(params, PROMPT)
        return F.cross_entropy(logits[:, :-1].reshape(-1, 320), PROMPT[:, 1:].reshape(-1)), logits

    (value, logits), gradients = jax.jit(jax.value_and_grad(loss, has_aux=True))(params)
    np.testing.assert_allclose(logits[:, ::2, ::16], GPT["logits"], **CLOSE)
    np.testing.assert_allclose(value, GPT["loss"], rtol=1e-6)
    for name, gradient in flat(gradients).items():
        total = np.abs(np.asarray(gradient, np.float64)).sum()
        np.testing.assert_allclose(total, GPT["gradients"][name], rtol=1e-5)


def test_the_cache_gives_what_the_whole_text_gives(gpt):
    net, params = gpt

    @jax.jit
    def both(params):
        first, cache = net(params, PROMPT[:, :3], cache=net.init_cache(2, 8))
        second, cache = net(params, PROMPT[:, 3:], cache=cache)
        return net(params, PROMPT), jnp.concatenate([first, second], 1), cache.length

    whole, parts, length = both(params)
    assert int(length) == 5
    np.testing.assert_allclose(parts, whole, **CLOSE)


def test_the_likeliest_tokens_are_the_recorded_ones(gpt):
    full = np.ones_like(PROMPT)
    assert models.generate(*gpt, PROMPT, 12, attention_mask=full).tolist() == GPT["greedy"]
    mask = full.copy()
    mask[1, :2] = 0
    assert models.generate(*gpt, PROMPT, 12, attention_mask=mask).tolist() == GPT["padded"]
    ended = models.generate(*gpt, PROMPT, 12, eos_token_id=GPT["end"], pad_token_id=0)
    assert ended.tolist() == GPT["ended"]
    ends = [row[8] for row in GPT["greedy"]]
    assert models.generate(*gpt, PROMPT, 12, eos_token_id=tuple(ends)).shape[1] <= 9


@pytest.mark.parametrize("case", [1, 3])
def test_drawn_tokens_are_those_after_torch_manual_seed(gpt, case):
    recorded = GPT["sampled"][case]
    generator = fnnet.random.Generator(7)
    drawn = models.generate(*gpt, PROMPT, 12, key=generator, **recorded["options"])
    assert drawn.tolist() == recorded["ids"]
    assert float(generator.rand((1,))[0]) == recorded["next"]
    ends = tuple(row[8] for row in recorded["ids"])
    generator, other = fnnet.random.Generator(7), fnnet.random.Generator(7)
    ended = models.generate(*gpt, PROMPT, 12, key=generator, **recorded["options"], eos_token_id=ends)
    assert ended.shape[1] <= 9
    for _ in range(ended.shape[1] - 5):  # when every row has ended it draws no more
        other.exponential((2, 320), 1.0, np.float32)
    assert np.array_equal(generator.get_state(), other.get_state())


def test_a_token_is_drawn_by_the_probabilities():
    logits = jnp.log(jnp.array([0.05, 0.5, 0.3, 0.15]))
    noise = jax.random.exponential(jax.random.key(0), (1000, 4))
    drawn = generation._chosen(jnp.tile(logits, (1000, 1)), generation.Sampling(top_k=3, top_p=None), noise)
    seen = np.bincount(np.asarray(drawn), minlength=4) / 1000
    np.testing.assert_allclose(seen, np.array([0, 0.5, 0.3, 0.15]) / 0.95, atol=4 * np.sqrt(0.25 / 1000))


def test_a_key_gives_the_same_text_again_and_another_key_another(gpt):
    texts = [models.generate(*gpt, PROMPT, 12, key=jax.random.key(seed)).tolist() for seed in (0, 0, 1)]
    assert texts[0] == texts[1] != texts[2]


def test_top_p_keeps_the_token_that_crosses_it():
    logits = jnp.log(jnp.array([[0.1, 0.5, 0.3, 0.1]]))
    kept = generation.restricted(logits, generation.Sampling(1.0, 0.6, 0)) > -jnp.inf
    assert kept.tolist() == [[False, True, True, False]]
    kept = generation.restricted(logits, generation.Sampling(1.0, 0.0, 0)) > -jnp.inf
    assert kept.tolist() == [[False, True, False, False]]


def test_generation_refuses_what_does_not_fit(gpt):
    for wrong, error, words in (
        ({"input_ids": PROMPT[0]}, RuntimeError, r"expected a shape \(batch, length\), got \(5,\)"),
        ({"input_ids": PROMPT * 1.0}, TypeError, "expected integers"),
        ({"input_ids": PROMPT + 100}, IndexError, "from 0 to 319"),
        ({"max_new_tokens": 60}, RuntimeError, "more than the network's 64"),
        ({"max_new_tokens": -1}, ValueError, "max_new_tokens"),
        ({"temperature": 0.0}, ValueError, "temperature"),
        ({"top_k": 0}, ValueError, "top_k"),
        ({"top_p": 1.5}, ValueError, "top_p"),
        ({"attention_mask": PROMPT[:1]}, RuntimeError, "attention_mask"),
    ):
        with pytest.raises(error, match=words):
            models.generate(*gpt, **{"input_ids": PROMPT, "max_new_tokens": 2, **wrong})
    net, params = gpt
    with pytest.raises(RuntimeError, match="65 positions, there is room for 64"):
        net(params, jnp.zeros((1, 65), jnp.int32))


def test_a_new_gpt_begins_as_its_configuration_says():
    config = models.GPTConfig(64, 8, 32, 2, 2, tie_word_embeddings=False)
    net = models.GPT(config)
    assert (net, hash(net)) == (models.GPT(config), hash(models.GPT(config)))
    params = flat(net.init(fnnet.random.Generator(0)))
    deviations = {name: float(value.std()) for name, value in params.items() if value.ndim > 1}
    for name, deviation in deviations.items():
        assert deviation == pytest.approx(0.01 if name.endswith("c_proj.weight") else 0.02, rel=0.1)
    assert params["lm_head.weight"].shape == (64, 32)
    with pytest.raises(ValueError, match="divisible by n_head"):
        models.GPTConfig(n_embd=10, n_head=3)
    with pytest.raises(ValueError, match="activation_function: expected one of"):
        models.GPTConfig(activation_function="step")


def test_dropout_in_training_draws_from_the_key(gpt):
    net, params = gpt
    run = jax.jit(lambda key: net(params, PROMPT, key=key, training=True))
    outputs = [run(jax.random.key(seed)) for seed in (0, 0, 1)]
    assert np.array_equal(outputs[0], outputs[1])
    assert not np.array_equal(outputs[0], outputs[2])
    with pytest.raises(ValueError, match="it draws random numbers"):
        jax.eval_shape(lambda: net(params, PROMPT, training=True))


def test_bert_computes_as_recorded():
    net, params = models.load_bert(REFERENCE / "bert_tiny")
    given = {name: np.array(value, np.int32) for name, value in BERT["given"].items()}
    masked, weights = models.load_bert(REFERENCE / "bert_tiny", masked_lm=True)

    @jax.jit
    def run(given):
        first = given["input_ids"][:1]
        return net(params, **given), net(params, first)[1], masked(weights, **given)

    (states, pooled), unmasked, logits = run(given)
    np.testing.assert_allclose(states[:, :5], BERT["states"], **CLOSE)
    np.testing.assert_allclose(pooled, BERT["pooled"], **CLOSE)
    np.testing.assert_allclose(unmasked, BERT["unmasked"], **CLOSE)
    np.testing.assert_allclose(logits[:, :5, ::8], BERT["logits"], **CLOSE)
    with pytest.raises(RuntimeError, match=r"expected a shape \(batch, at most 32\)"):
        net(params, jnp.zeros((1, 33), jnp.int32))


def test_checkpoints_in_parts_and_of_the_bare_network_are_read(gpt, tmp_path):
    net, params = gpt
    shutil.copy(REFERENCE / "gpt2_tiny/config.json", tmp_path)
    state = {name.removeprefix("transformer."): v for name, v in flat(params).items()}
    state["h.0.attn.bias"] = jnp.ones((1, 1, 8, 8))
    names = list(state)
    places = {name: f"part{i % 2}.safetensors" for i, name in enumerate(names)}
    for part in set(places.values()):
        save(tmp_path / part, {name: state[name] for name in names if places[name] == part})
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": places}))
    again, loaded = models.load_gpt(tmp_path)
    assert again == net
    jax.tree.map(np.testing.assert_array_equal, loaded, params)
    index.write_text(json.dumps({"weight_map": {"wte.weight": "../part0.safetensors"}}))
    with pytest.raises(RefusedFileError, match="same folder"):
        models.load_gpt(tmp_path)
    index.unlink()
    with pytest.raises(FileNotFoundError, match=r"no model.safetensors and no pytorch_model.bin"):
        models.load_gpt(tmp_path)
    with pytest.raises(ValueError, match="model_type: expected 'bert', got 'gpt2'"):
        models.load_bert(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "gpt2", "add_cross_attention": true}')
    with pytest.raises(ValueError, match="add_cross_attention=True is not supported"):
        models.load_gpt(tmp_path)
    (tmp_path / "config.json").write_text("[1]")
    with pytest.raises(RefusedFileError, match="expected a JSON object"):
        pretrained.read_json(tmp_path / "config.json")


def test_byte_pairs_take_text_apart_as_recorded(tmp_path):
    tokens = models.load_byte_pairs(REFERENCE / "gpt2_tiny")
    assert len(tokens) == 320
    for text, numbers, decoded, parts in zip(
        RECORDED["texts"], GPT["tokens"], GPT["decoded"], GPT["pieces"], strict=True
    ):
        assert tokens.encode(text) == numbers
        assert tokens.decode(numbers) == decoded
        assert [
            "".join(map(tokens._letters.__getitem__, p.encode())) for p in byte_pairs.pieces(text)
        ] == parts
    assert tokens.decode([tokens.encode("é")[0]]) == "\ufffd"
    merges = (REFERENCE / "gpt2_tiny/merges.txt").read_text().splitlines()[1:]
    model = {"type": "BPE", "vocab": tokens.vocabulary, "merges": merges}
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": model}))
    assert models.load_byte_pairs(tmp_path).encode(RECORDED["texts"][0]) == GPT["tokens"][0]
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {**model, "merges": ["a"]}}))
    with pytest.raises(RefusedFileError, match="expected two tokens"):
        models.load_byte_pairs(tmp_path)


def test_word_pieces_take_text_apart_as_recorded(tmp_path):
    tokens = models.load_word_pieces(REFERENCE / "bert_tiny")
    texts = [text.replace("<|endoftext|>", "[SEP]") for text in RECORDED["texts"]]
    for text, numbers, decoded in zip(texts, BERT["tokens"], BERT["decoded"], strict=True):
        assert tokens.encode(text) == numbers
        assert tokens.decode(numbers) == decoded
    assert tokens.encode(texts[0], texts[3]) == BERT["pair"]
    assert tokens.types(texts[0], texts[3]) == BERT["pair_types"]
    ids, mask = tokens.batch(["the dog", "the lazy dog"])
    assert [len(row) for row in ids] == [len(ids[1])] * 2
    assert sum(mask[0]) == len(tokens.encode("the dog")) < sum(mask[1])
    model = {"type": "WordPiece", "vocab": tokens.vocabulary}
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": model}))
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    assert models.load_word_pieces(tmp_path).lower is False
    with pytest.raises(ValueError, match=r"lacks \['\[CLS\]', '\[SEP\]'\]"):
        models.WordPieces({"[UNK]": 0})


@pytest.mark.torch
def test_live_against_transformers(tmp_path):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(3)
    config = transformers.GPT2Config(
        vocab_size=50,
        n_positions=32,
        n_embd=12,
        n_layer=2,
        n_head=3,
        n_inner=20,
        activation_function="relu",
        scale_attn_by_inverse_layer_idx=True,
        tie_word_embeddings=False,
        initializer_range=0.2,
        bos_token_id=0,
        eos_token_id=0,
    )
    theirs = transformers.GPT2LMHeadModel(config).eval()
    theirs.save_pretrained(tmp_path)
    net, params = models.load_gpt(tmp_path)
    ids = np.arange(20, dtype=np.int32).reshape(2, 10)
    wanted = theirs(torch.from_numpy(ids).long()).logits.detach().numpy()
    np.testing.assert_allclose(jax.jit(net)(params, ids), wanted, rtol=1e-5, atol=1e-5)
