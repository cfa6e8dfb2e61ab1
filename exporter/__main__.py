"""``carbon-exporter`` and ``python -m exporter``."""

from exporter.cli.main import cli


def main() -> None:
    """Run the command line and exit."""
    cli(prog_name="carbon-exporter")


if __name__ == "__main__":
    main()
