"""torch.hub by name: nothing is downloaded here, and no code of others is run."""

from fnnet.torch.missing import refusal

load = refusal("torch.hub.load", "nothing is downloaded; fnnet.models has models, torch.load reads files")
list = refusal("torch.hub.list", "nothing is downloaded")
help = refusal("torch.hub.help", "nothing is downloaded")
load_state_dict_from_url = refusal("torch.hub.load_state_dict_from_url", "download the file, then torch.load")
download_url_to_file = refusal("torch.hub.download_url_to_file", "nothing is downloaded")
