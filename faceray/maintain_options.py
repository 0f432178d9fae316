"""What can be set about upkeep."""

from dataclasses import dataclass, field

from faceray.errors import UserError
from faceray.options import listed
from faceray.storage import StorageOptions


@dataclass(frozen=True)
class MaintainOptions:
    """Keep tables in order: join small files, delete superseded ones; or forget pictures for good.

    Args:
        output: what was given to annotate as `--output`.
        compact: join small files into larger ones.
        file_megabytes: about how large the joined files become.
        keep_hours: superseded files and log entries stay this long, for readers of Delta Lake that still use an older
            version. Readers of plain Parquet need 0: they would see rows twice. What is forgotten is deleted at once.
        forget: pictures to remove from tables and galleries, and to keep out from now on: the address of one, or of a
            tar file or video for all in it; a prefix of addresses, ending in `/` or `*`; or face ids, separated by
            commas, for the pictures that these are on (`--forget=-12` where the first is negative). May be repeated.
        forget_list: a text file with one of those in each line.
        galleries: folders of galleries, separated by commas, from which forgotten pictures are removed.
        dry_run: say how much would be forgotten; change nothing.
        dead_after: a run of annotate is alive, and is not disturbed, until it has been silent for this many seconds.
        storage: how buckets are reached.
    """

    output: str
    compact: bool = True
    file_megabytes: int = 128
    keep_hours: int = 0
    forget: list[str] = field(default_factory=list)
    forget_list: str = ""
    galleries: str = ""
    dry_run: bool = False
    dead_after: float = 900.0
    storage: StorageOptions = field(default_factory=StorageOptions)

    def __post_init__(self) -> None:
        if not self.output:
            raise UserError("--output is empty")
        for name, least in (("file_megabytes", 1), ("keep_hours", 0), ("dead_after", 0)):
            if not getattr(self, name) >= least:
                raise UserError(f"--{name.replace('_', '-')} must be at least {least}, not {getattr(self, name):g}")
        for name in ("galleries", "dry_run"):
            if getattr(self, name) and not self.forgets:
                raise UserError(f"--{name.replace('_', '-')} only goes with --forget or --forget-list")

    @property
    def forgets(self) -> bool:
        """Whether pictures are to be removed."""
        return bool(self.forget or self.forget_list)

    @property
    def gallery_folders(self) -> tuple[str, ...]:
        """The folders of `galleries`."""
        return listed(self.galleries)
