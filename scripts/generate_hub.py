"""Write the definition of each plugin for Meltano's hub, from its `--about`.

python -m scripts.generate_hub          write
python -m scripts.generate_hub --check  exit 1 if a file is out of date
"""

from __future__ import annotations

import io
import sys
import tomllib
from pathlib import Path

from ruamel.yaml import YAML
from singer_sdk.plugin_base import PluginBase

from scripts.generate_meltano import Json, capabilities, required, settings
from tap_stripe_flow.tap import TapStripeFlow
from target_stripe_flow.target import TargetStripeFlow

ROOT = Path(__file__).parents[1]
HUB = ROOT / "hub"
# No package index has this package. Meltano expands the variable: a folder, or a git address with a tag.
PIP_URL = "$STRIPE_FLOW"


def commands(**args: str) -> Json:
    """Commands of a plugin, for `meltano invoke PLUGIN:NAME`; each is one of `stripe-flow`."""
    return {name: {"executable": "stripe-flow", "args": each} for name, each in args.items()}


# By the hub's kind, with texts that `--about` does not have.
PLUGINS: dict[str, tuple[type[PluginBase], Json]] = {
    "extractors": (
        TapStripeFlow,
        {
            "select": ["charges.*", "refunds.*", "!*.*secret*"],
            "commands": commands(doctor="doctor --plugin tap --config ENV", slices="slices --config ENV"),
            "usage": "To read more streams, select them: `customers` needs `customer_ids`, or `customers_mode: list`.",
        },
    ),
    "loaders": (
        TargetStripeFlow,
        {
            "commands": commands(doctor="doctor --plugin target --config ENV", journal="journal --config ENV"),
            "settings_preamble": (
                "A live key needs `allow_live: true` and a journal: `meltano invoke target-stripe-flow:journal init`."
            ),
            "usage": f"A journal on PostgreSQL needs `pip_url: {PIP_URL} psycopg[binary]`, and `journal_url`.",
        },
    ),
}


def definition(plugin: type[PluginBase], more: Json) -> Json:
    """A plugin's definition with the hub's members."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    about = plugin._get_about_info()  # noqa: SLF001  # what --about prints
    repository = project.get("urls", {}).get("Repository")
    return {
        "name": plugin.name,
        "namespace": plugin.name.replace("-", "_"),
        "variant": project["name"],
        "label": "Stripe",
        "description": about.description,
        "domain_url": "https://docs.stripe.com/api",
        **({"repo": repository} if repository else {}),
        "pip_url": PIP_URL,
        "executable": plugin.name,
        "maintenance_status": "beta",
        # The hub rates this itself.
        "quality": "unknown",
        "keywords": ["api", "meltano_sdk"],
        "supported_python_versions": about.supported_python_versions,
        "log_parser": "singer-sdk",
        "capabilities": capabilities(plugin),
        "settings_group_validation": required(plugin),
        "settings": settings(plugin),
        **more,
    }


def rendered(value: Json) -> str:
    yaml = YAML()
    yaml.width = 4096
    out = io.StringIO()
    yaml.dump(value, out)
    return out.getvalue()


def files() -> dict[Path, str]:
    """Each file and its content."""
    return {
        HUB / kind / f"{plugin.name}.yml": rendered(definition(plugin, more))
        for kind, (plugin, more) in PLUGINS.items()
    }


def main() -> int:
    if "--check" in sys.argv:
        return int(any(not path.exists() or path.read_text(encoding="utf-8") != text for path, text in files().items()))
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
