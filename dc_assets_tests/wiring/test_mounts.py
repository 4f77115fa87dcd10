"""Whether a folder lies on a network file system."""

from __future__ import annotations

from pathlib import Path

import pytest

from dc_assets.wiring.doctor.mounts import network_mount

MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
tmpfs /mnt tmpfs rw 0 0
files:/export /mnt/my\\040share nfs4 rw 0 0
/dev/sdb1 /mnt/my\\040share/disk xfs rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/srv/data", ""),
        ("/mnt", ""),
        ("/mnt/my share", "nfs4"),
        ("/mnt/my share/data/deep", "nfs4"),
        ("/mnt/my share/disk/data", ""),
    ],
)
def test_the_nearest_mount_above_a_folder_decides(folder: str, kind: str, tmp_path: Path) -> None:
    """Blanks stand in octal there; a machine without the table tells nothing."""
    table = tmp_path / "mounts"
    table.write_text(MOUNTS, encoding="utf-8")
    assert network_mount(Path(folder), table) == kind
    assert network_mount(Path(folder), tmp_path / "none") == ""
