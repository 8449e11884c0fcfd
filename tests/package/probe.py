"""Index one app directory with Microsoft's worker library and print its functions as JSON.

`python -I probe.py WORKER APP`: run by a Python that knows nothing of this repository (-I leaves its folders out), so
WORKER is the path of local/host/worker.py. Dependencies are taken from APP/.python_packages, where Azure's build puts
them, before anything that the interpreter has. Exit code 1 when the worker refuses the app.
"""

import asyncio
import importlib.util
import json
import sys
from pathlib import Path


def main() -> int:
    """Index, print, return the exit code."""
    worker_file, app = sys.argv[1], Path(sys.argv[2]).resolve()
    sys.path.insert(0, str(app / ".python_packages" / "lib" / "site-packages"))
    spec = importlib.util.spec_from_file_location("passdesk_worker", worker_file)
    assert spec is not None
    assert spec.loader is not None
    worker = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = worker  # dataclasses look their module up
    spec.loader.exec_module(worker)
    try:
        functions = asyncio.run(worker.index(app))
    except worker.AppRefused as refused:
        sys.stderr.write(f"{refused}\n")
        return 1
    mine = {
        name: str(getattr(module, "__file__", "") or "")
        for name, module in sys.modules.items()
        if name.split(".")[0] in ("function_app", "functions", "shared")
    }
    found = {"functions": {f.name: f.kind for f in functions}, "modules": mine}
    sys.stdout.write(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
