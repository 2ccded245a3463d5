"""Record what the transformers library computes and how it takes text apart, on small random networks.

Writes the folders gpt2_tiny and bert_tiny (checkpoints as the library and its older versions wrote them) and
transformers.json. Run where transformers is installed: python tests/reference/record_transformers.py
"""

import json
import pathlib
import shutil

import recorded_networks
import tokenizers
import torch
import transformers
from tokenizers.pre_tokenizers import ByteLevel
from transformers import BertConfig, BertForMaskedLM, BertModel, GPT2Config, GPT2LMHeadModel

HERE = pathlib.Path(__file__).parent
CORPUS = [
    "The quick brown fox jumps over the lazy dog; the dog didn't mind, it's lazy.",
    "Numbers such as 1234 and 56.78 stand in text, and so do naïve café words.",
    "There was nothing there when they went there, they'd said that the weather was fine.",
]
TEXTS = [
    "The lazy dog's weather, there!",
    "  two  spaces\n\nand lines\t tabs ",
    "Ünïcödé 中文 text, x² + ½ = ٣ naïve café",
    "I'll they'VE 12ab_cd --- ...",
    "emoji 🙂 and <|endoftext|> the end",
    "",
    "a\u0301 combined\u00a0space\u200b zero [MASK] it",
    "unaffable " + "x" * 120,
]
PROMPT = [[5, 17, 99, 3, 42], [7, 250, 11, 2, 300]]
SAMPLED = [
    {"temperature": 0.8},
    {"top_k": 5},
    {"top_p": 0.7, "temperature": 1.5},
    {"top_k": 20, "top_p": 0.9, "temperature": 0.9},
]


def gpt(folder):
    bpe = tokenizers.ByteLevelBPETokenizer()
    bpe.train_from_iterator(CORPUS, vocab_size=320, min_frequency=1, special_tokens=["<|endoftext|>"])
    bpe.save_model(str(folder))
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=320,
        n_positions=64,
        n_embd=16,
        n_layer=2,
        n_head=2,
        initializer_range=0.3,
        bos_token_id=0,
        eos_token_id=0,
    )
    net = GPT2LMHeadModel(config).eval()
    recorded_networks.stir(net.parameters(), 0.1)
    net.save_pretrained(folder)
    (folder / "generation_config.json").unlink()
    ids = torch.tensor(PROMPT)
    recorded = {"logits": net(ids).logits[:, ::2, ::16].tolist()}
    labels = net(ids, labels=ids)
    labels.loss.backward()
    recorded["loss"] = labels.loss.item()
    recorded["gradients"] = {n: p.grad.abs().double().sum().item() for n, p in net.named_parameters()}

    def run(ids, **options):
        return net.generate(ids, max_new_tokens=12, pad_token_id=0, **options).tolist()

    full = torch.ones_like(ids)
    recorded["greedy"] = run(ids, do_sample=False, eos_token_id=None, attention_mask=full)
    end = recorded["greedy"][0][8]
    recorded["end"] = end
    recorded["ended"] = run(ids, do_sample=False, eos_token_id=end, attention_mask=full)
    mask = full.clone()
    mask[1, :2] = 0
    recorded["padded"] = run(ids, do_sample=False, eos_token_id=None, attention_mask=mask)
    recorded["sampled"] = []
    for options in SAMPLED:
        torch.manual_seed(7)
        given = {"top_k": 0, "top_p": 1.0, "temperature": 1.0, **options}
        drawn = run(ids, do_sample=True, eos_token_id=None, attention_mask=full, **given)
        recorded["sampled"].append({"options": options, "ids": drawn, "next": torch.rand(1).item()})
    encoded = [bpe.encode(text).ids for text in TEXTS]
    recorded["tokens"] = encoded
    recorded["decoded"] = [bpe.decode(ids, skip_special_tokens=False) for ids in encoded]
    recorded["pieces"] = [[p for p, _ in ByteLevel(False).pre_tokenize_str(text)] for text in TEXTS]
    return recorded


def bert(folder):
    wordpiece = tokenizers.BertWordPieceTokenizer()
    wordpiece.train_from_iterator(CORPUS, vocab_size=150, min_frequency=1, limit_alphabet=60)
    wordpiece.save_model(str(folder))
    wordpiece = tokenizers.BertWordPieceTokenizer(str(folder / "vocab.txt"))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=150,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=32,
        initializer_range=0.3,
    )
    net = BertForMaskedLM(config).eval()
    whole = BertModel(config).eval()
    recorded_networks.stir([*net.parameters(), *whole.parameters()], 0.1)
    whole.load_state_dict(net.bert.state_dict(), strict=False)
    config.architectures = ["BertForPreTraining"]
    config.save_pretrained(folder)
    # The published files hold both heads, the pooler, and the norms' former names.
    state = {f"bert.{name}": value for name, value in whole.state_dict().items()}
    state |= {name: value for name, value in net.state_dict().items() if name.startswith("cls.")}
    state["bert.embeddings.position_ids"] = torch.arange(32)[None]
    state["cls.seq_relationship.weight"] = torch.zeros(2, 16)
    for new, old in (("LayerNorm.weight", "LayerNorm.gamma"), ("LayerNorm.bias", "LayerNorm.beta")):
        state = {name.replace(new, old): value.clone() for name, value in state.items()}
    torch.save(state, folder / "pytorch_model.bin")
    ids = torch.tensor([[2, 17, 99, 43, 3, 25, 3], [2, 140, 111, 52, 3, 0, 0]])
    mask = (ids != 0).long()
    types = torch.tensor([[0, 0, 0, 0, 0, 1, 1], [0] * 7])
    given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
    out = whole(**given)
    texts = [text.replace("<|endoftext|>", "[SEP]") for text in TEXTS]
    return {
        "given": {name: value.tolist() for name, value in given.items()},
        "states": out.last_hidden_state[:, :5].tolist(),
        "pooled": out.pooler_output.tolist(),
        "logits": net(**given).logits[:, :5, ::8].tolist(),
        "unmasked": whole(ids[:1]).pooler_output.tolist(),
        "tokens": [wordpiece.encode(text).ids for text in texts],
        "pair": wordpiece.encode(texts[0], texts[3]).ids,
        "pair_types": wordpiece.encode(texts[0], texts[3]).type_ids,
        "decoded": [wordpiece.decode(wordpiece.encode(text).ids) for text in texts],
    }


recorded = {"transformers": transformers.__version__, "prompt": PROMPT, "texts": TEXTS}
for name, record in (("gpt2_tiny", gpt), ("bert_tiny", bert)):
    shutil.rmtree(HERE / name, ignore_errors=True)
    (HERE / name).mkdir()
    recorded[name] = record(HERE / name)
(HERE / "transformers.json").write_text(json.dumps(recorded) + "\n")
