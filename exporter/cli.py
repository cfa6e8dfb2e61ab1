"""The command line: names, options and help of the verbs. What they do is in ``verbs``."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from exporter import __version__
from exporter.core.errors import CarbonExporterError, ConfigError, MissingExtraError
from exporter.settings.environment import CONFIG_VARIABLE, URL_VARIABLE
from exporter.verbs import backfill as backfilling
from exporter.verbs import check as checking
from exporter.verbs import discover as discovering
from exporter.verbs import estimate as estimating
from exporter.verbs import explain as explaining
from exporter.verbs import intensity as intensities
from exporter.verbs import regions as ranking
from exporter.verbs import run
from exporter.verbs.errors import UsageError
from exporter.verbs.output import print_failure

FAILED = 1
BAD_USAGE = 2
INTERRUPTED = 130
"""128 + SIGINT, as shells report it."""


class ReportingGroup(TyperGroup):
    """Turns the product's own errors into lines on stderr and an exit code."""

    def invoke(self, ctx: Any) -> object:  # noqa: ANN401 -- typer keeps its context class private
        """Run a verb; never a traceback for what a user can mend."""
        try:
            return super().invoke(ctx)
        except CarbonExporterError as error:
            for line in str(error).splitlines():
                print_failure(line)
            mistaken = isinstance(error, ConfigError | UsageError | MissingExtraError)
            raise typer.Exit(BAD_USAGE if mistaken else FAILED) from error
        except KeyboardInterrupt as error:
            raise typer.Exit(INTERRUPTED) from error


cli = typer.Typer(
    cls=ReportingGroup,
    name="carbon-exporter",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they show local variables, hence could show a secret
    rich_markup_mode=None,  # keeps the line breaks of the examples
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        envvar=CONFIG_VARIABLE,
        help="YAML file. Default: ./carbon-exporter.yml if it is there. Every key can also be "
        "set by the environment, as CARBON_POLL_INTERVAL=15m.",
    ),
]
Overrides = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="YAML file whose overrides of regions and annual averages are to be used.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON for programs.")]
GridMethod = Annotated[
    str,
    typer.Option(
        "--method",
        metavar="METHOD",
        help="average: of all generation; marginal: what one kWh more would change.",
    ),
]
Cpu = Annotated[
    str,
    typer.Option(metavar="LOAD", help="Mean CPU utilisation: 40%, or 0.4."),
]
Model = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="MODEL",
        help="measured, ccf (Cloud Carbon Footprint) or teads. Default: measured, or that of "
        "--config.",
    ),
]
Cloud = Annotated[
    str,
    typer.Option(
        "--provider",
        "-p",
        metavar="CLOUD",
        help="aws, gcp or azure. Default: the only cloud that has the type.",
    ),
]


def _version(wanted: bool) -> None:  # noqa: FBT001 -- typer's form of a callback
    if wanted:
        sys.stdout.write(f"carbon-exporter {__version__}\n")
        raise typer.Exit


@cli.callback(
    epilog="Start with `carbon-exporter demo`: no account, no configuration.\n\n"
    "Exit codes: 0 done, 1 ran and failed, 2 bad usage or configuration."
)
def main(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Live carbon observability of cloud infrastructure, for Prometheus."""


@cli.command(
    short_help="Watch the configured clouds and serve /metrics.",
    epilog="\b\nExamples:\n"
    "  carbon-exporter serve\n"
    "  carbon-exporter serve --config /etc/carbon-exporter.yml --listen :9180\n"
    "  CARBON_PROVIDERS=host carbon-exporter serve\n",
)
def serve(
    config: Config = None,
    listen: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Overrides `listen`. :9180 is every interface."),
    ] = None,
    state: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Overrides `state`, the SQLite file.")
    ] = None,
) -> None:
    """Watch the configured clouds and serve /metrics until told to stop.

    SIGTERM and Ctrl-C stop it cleanly; no joule is lost or counted twice by a restart.
    """
    raise typer.Exit(run.serve(config, listen, state))


@cli.command(
    short_help="Serve a simulated estate and this machine; no account needed.",
    epilog="\b\nExamples:\n"
    "  carbon-exporter demo\n"
    "  carbon-exporter demo --listen :9180 --offline\n",
)
def demo(
    *,
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Address to serve on.")
    ] = "127.0.0.1:9180",
    state: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep counters in this file. Default: forget them."),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask nobody: simulate every grid as well.")
    ] = False,
) -> None:
    """Serve a simulated cloud estate and this machine: numbers that move, with no account.

    The estate speaks the clouds' own protocols on loopback, so this is the production code at
    work. All that is simulated says so. No cloud is asked. Grids of Europe that can be read
    without a key are live if they answer within three seconds; --offline asks nobody.
    """
    raise typer.Exit(run.demo(listen, state, offline=offline))


@cli.command(
    short_help="Try all that `serve` needs, and forecast the API bill.",
    epilog="\b\nExamples:\n"
    "  carbon-exporter check\n"
    "  carbon-exporter check --config staging.yml --json | jq '.findings[] | select(.ok | not)'\n",
)
def check(config: Config = None, *, as_json: Json = False) -> None:
    """Try all that `serve` needs, and forecast the API bill. Changes nothing.

    Checks the configuration, each provider's credentials and permissions, the machines by region,
    each region's grid zone and PUE, the live grids, the state file and the listen address.
    Each failure comes with its fix; exit code 1 if there is any.
    """
    raise typer.Exit(checking.check(config, as_json=as_json))


@cli.command(
    short_help="List the machines of all configured providers.",
    epilog="\b\nExamples:\n"
    "  carbon-exporter discover\n"
    "  CARBON_PROVIDERS=host carbon-exporter discover --json\n",
)
def discover(config: Config = None, *, as_json: Json = False) -> None:
    """List the machines of all configured providers, with the watts that each would draw.

    CONFIDENCE says how the CPU is known: sku (exactly), family, multi-family (one of several),
    proxy (a similar one), unknown-type (from vCPUs and memory alone).
    """
    raise typer.Exit(discovering.discover(config, as_json=as_json))


@cli.command(
    short_help="Estimate watts, kWh and grams of machine types.",
    epilog="\b\nExamples:\n"
    "  carbon-exporter estimate m5.large --region eu-west-3 --cpu 40% --hours 730\n"
    "  carbon-exporter estimate m5.large m6g.large -r eu-west-1 -r eu-north-1\n"
    "  carbon-exporter estimate c7g.xlarge --provider aws --all-regions --json\n"
    "  carbon-exporter estimate --from fleet.csv --region eu-west-3\n",
)
def estimate(  # noqa: PLR0913 -- a verb's options are its parameters
    types: Annotated[
        list[str] | None, typer.Argument(metavar="TYPE", help="Machine types.")
    ] = None,
    *,
    fleet: Annotated[
        Path | None,
        typer.Option(
            "--from",
            "-f",
            metavar="FILE",
            help="CSV with the columns type, count, provider, region, cpu, hours. Only type is "
            "needed; the options stand for what a line leaves out.",
        ),
    ] = None,
    provider: Cloud = "",
    region: Annotated[
        list[str] | None,
        typer.Option("--region", "-r", metavar="REGION", help="Repeat it to compare regions."),
    ] = None,
    cpu: Cpu = "50%",
    hours: Annotated[float, typer.Option(help="How long; a month is 730 hours.")] = 730.0,
    model: Model = "",
    config: Overrides = None,
    every_region: Annotated[
        bool, typer.Option("--all-regions", help="Compare all regions of the cloud.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Estimate watts, kWh and grams of CO2eq of machine types. Asks nobody: tables alone.

    The grid is the yearly average of the region's zone; the lowest emissions come first, the totals
    last: of everything, or of each region where several are compared.
    """
    question = estimating.Question(
        types=types or (),
        fleet=fleet,
        provider=provider,
        regions=region or (),
        all_regions=every_region,
        cpu=cpu,
        hours=hours,
        model=model,
        config=config,
    )
    raise typer.Exit(estimating.estimate(question, as_json=as_json))


@cli.command(
    short_help="Show every factor from CPU utilisation to grams.",
    epilog="\b\nExamples:\n"
    "  carbon-exporter explain m5.large --region eu-west-3 --cpu 40%\n"
    "  carbon-exporter explain i-0123456789abcdef0 --url http://carbon.internal:9180\n",
)
def explain(  # noqa: PLR0913 -- a verb's options are its parameters
    subject: Annotated[
        str, typer.Argument(metavar="RESOURCE_OR_TYPE", help="A machine type, or a machine's id.")
    ],
    *,
    provider: Cloud = "",
    region: Annotated[
        str,
        typer.Option(
            "--region", "-r", metavar="REGION", help="For a type. Default: the world's average."
        ),
    ] = "",
    cpu: Cpu = "50%",
    url: Annotated[
        str,
        typer.Option(metavar="URL", envvar=URL_VARIABLE, help="The daemon that knows the machine."),
    ] = explaining.DEFAULT_URL,
    model: Model = "",
    config: Overrides = None,
    as_json: Json = False,
) -> None:
    """Show every factor from CPU utilisation to grams, with its unit, year and source.

    A machine type is explained from the shipped tables; anything else is taken for a machine's id
    and asked of the running daemon, with its live values.
    """
    question = explaining.Question(
        subject=subject,
        provider=provider,
        region=region,
        cpu=cpu,
        url=url,
        model=model,
        config=config,
    )
    raise typer.Exit(explaining.explain(question, as_json=as_json))


@cli.command(
    short_help="Show a grid's carbon intensity: now, the last day, the next.",
    epilog="\b\nExamples:\n"
    "  carbon-exporter intensity FR\n"
    "  carbon-exporter intensity aws:eu-west-3 --forecast 24h\n"
    "  carbon-exporter intensity US-CAL-CISO --method marginal --json\n",
)
def intensity(
    place: Annotated[
        str,
        typer.Argument(
            metavar="ZONE|PROVIDER:REGION", help="A grid zone, such as FR, or a cloud region."
        ),
    ],
    *,
    forecast: Annotated[
        str, typer.Option(metavar="SPAN", help="List the hours ahead, such as 24h.")
    ] = "",
    method: GridMethod = "average",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show the carbon intensity of a grid zone, or of the one that feeds a cloud region.

    The configured sources are asked once; without a configuration, those that need no key. LEVEL
    says how the value was come by: 0 live, 1 second source, 2 last known, 3 forecast, 4 annual
    average, which always stands behind.
    """
    question = intensities.Question(place=place, forecast=forecast, method=method, config=config)
    raise typer.Exit(intensities.intensity(question, as_json=as_json))


@cli.command(
    short_help="Rank the clouds' regions by grams per kWh of IT energy.",
    epilog="\b\nExamples:\n"
    "  carbon-exporter regions --provider aws --limit 10\n"
    "  carbon-exporter regions --summary --patience 10m\n"
    "  carbon-exporter regions --url http://carbon.internal:9180 --sort mean --json\n",
)
def regions(  # noqa: PLR0913 -- a verb's options are its parameters
    *,
    provider: Annotated[
        list[str] | None,
        typer.Option("--provider", "-p", metavar="CLOUD", help="Repeat it for several."),
    ] = None,
    method: GridMethod = "average",
    summary: Annotated[
        bool, typer.Option("--summary", help="Count how well the regions' grids are known.")
    ] = False,
    sort: Annotated[
        str, typer.Option(metavar="BY", help="now, mean (of 24 h) or annual; times PUE.")
    ] = "now",
    limit: Annotated[int | None, typer.Option(help="Show the first ones only.")] = None,
    patience: Annotated[
        str,
        typer.Option(
            metavar="SPAN",
            help="Go on asking until all zones have answered, 10m at most, say: some sources "
            "answer for a few zones a minute.",
        ),
    ] = "",
    url: Annotated[
        str,
        typer.Option(
            metavar="URL", envvar=URL_VARIABLE, help="Take the values of a running daemon."
        ),
    ] = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Rank the clouds' regions by grid × PUE: grams of CO2eq per kWh of IT energy, lowest first.

    Only values of one method and one basis are ranked. Where a grid has a live value of another
    basis, and the ranking had to take a weaker one, FLAG says so.
    """
    question = ranking.Question(
        providers=provider or (),
        method=method,
        summary=summary,
        sort=sort,
        limit=limit,
        patience=patience,
        url=url,
        config=config,
    )
    raise typer.Exit(ranking.regions(question, as_json=as_json))


@cli.command(
    short_help="Write the past as OpenMetrics, for Prometheus to import.",
    epilog="\b\nExamples:\n"
    "  carbon-exporter backfill --since 30d --output om.txt\n"
    "  carbon-exporter backfill --since 30d --provider aws --dry-run\n"
    "  carbon-exporter backfill --since 7d --url http://carbon.internal:9180 "
    "--label instance=carbon.internal:9180\n"
    "  carbon-exporter backfill --demo --since 7d --prepare-state demo.db\n",
)
def backfill(  # noqa: PLR0913 -- a verb's options are its parameters
    *,
    since: Annotated[
        str, typer.Option(metavar="TIME", help="Begin: 30d ago, or a time such as 2026-03-02.")
    ],
    until: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="End. Default: where the counters of the state file or of --url begin, or now.",
        ),
    ] = "",
    provider: Annotated[
        list[str] | None,
        typer.Option("--provider", "-p", metavar="KIND", help="Repeat it for several."),
    ] = None,
    step: Annotated[
        str, typer.Option(metavar="SPAN", help="Between two samples: what divides an hour.")
    ] = "5m",
    output: Annotated[
        Path,
        typer.Option(metavar="FILE|FOLDER", help="A folder that exists gets a file for each day."),
    ] = Path("carbon-history.om"),
    label: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Label that the scrape adds. Default: job=carbon-exporter and instance= the "
            "`listen` address.",
        ),
    ] = None,
    url: Annotated[
        str, typer.Option(metavar="URL", help="The daemon whose counters the history leads to.")
    ] = "",
    state: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Overrides `state`, the SQLite file.")
    ] = None,
    prepare_state: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Make a state file: a daemon started with it within `max_catch_up` counts on "
            "from where the history ends.",
        ),
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="The past of the demo's simulated estate.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would read and cost, and stop.")
    ] = False,
    config: Config = None,
) -> None:
    """Write the past of clouds and grids as OpenMetrics, for Prometheus to import.

    Reads what the clouds and the grid sources still know through the same adapters and the same
    engine as `serve`. `promtool tsdb create-blocks-from openmetrics FILE DATA` makes blocks of it,
    and the series go on in the live ones without a step. Exit code 1 if a part could not be read;
    the file then holds the rest.
    """
    question = backfilling.Question(
        since=since,
        until=until,
        providers=provider or (),
        step=step,
        output=output,
        labels=label or (),
        url=url,
        state=state,
        prepare=prepare_state,
        demo=demo,
        dry_run=dry_run,
        config=config,
    )
    raise typer.Exit(backfilling.backfill(question))
