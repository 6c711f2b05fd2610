"""The configuration file of live orders: one frozen model a table, and every key acts.

Reading a text is pure; which file it comes from is the command line's business. Secrets are never in the file: it
names the environment variables, the keyring service or the file of mode 0600 that hold them.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from nanodesk.errors import ConfigError
from nanodesk.market.fixed_point import parse_e9
from nanodesk.rebalance.plan import BPS, PlanSettings
from nanodesk.rebalance.target import Target
from nanodesk.rebalance.trading_cost import TradingCost
from nanodesk.risk.limits import RiskConfig
from nanodesk.toml_files.faults import problems_of
from nanodesk.toml_files.source import Problem, dotted, parse_toml

MAX_BYTES: Final = 1024 * 1024

Fraction = Annotated[float, Field(gt=0, le=1)]
NotNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]


def _worded(pattern: str, said: str) -> AfterValidator:
    """A pattern with a sentence of its own; the text itself stays out of it, for it may hold a secret."""
    fits = re.compile(pattern)

    def check(value: str) -> str:
        if not fits.fullmatch(value):
            raise ValueError(said)
        return value

    return AfterValidator(check)


EnvironmentName = Annotated[
    str,
    _worded(r"[A-Za-z_][A-Za-z0-9_]{0,63}", "must be the name of a secret, of letters, digits and _, never the secret"),
]
Url = Annotated[
    str,
    _worded(
        r"(?=.{1,200}$)(https?|wss?)://[^\s/@?#]+(/[^\s?#@]*)?",
        'must be an address such as "https://host/path", without a password or a query',
    ),
]
FileName = Annotated[str, _worded(r"[^/\\\x00]{1,255}", "must be the name of a file, without a folder")]

BrokerName = Literal["paper", "ibkr", "binance", "alpaca"]
OrderStyle = Literal["limit", "market", "peg", "twap"]


class Section(BaseModel):
    """A table of the file: frozen, strict types, no unknown keys, no nan or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Connection(Section):
    """``[connection]``: which broker, and how it is reached.

    ``host``, ``port`` and ``client_id`` are for Interactive Brokers, the addresses and names of secrets for the other
    two, ``quotes`` for paper. ``port = 0`` is the broker's usual one of the mode. A host other than this machine needs
    ``allow_remote_host``: the protocol has neither password nor encryption.
    """

    broker: BrokerName = "ibkr"
    mode: Literal["paper", "live"] = "paper"
    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65_535)
    client_id: int = Field(default=1, ge=0, le=2**31 - 1)
    timeout_secs: Positive = 30.0
    allow_remote_host: bool = False
    base_url: Url | None = None
    stream_url: Url | None = None
    ws_api_url: Url | None = None
    data_url: Url | None = None
    quote_asset: str = Field(default="USDT", pattern=r"^[A-Z0-9]{2,10}$")
    api_key_env: EnvironmentName | None = None
    api_secret_env: EnvironmentName | None = None
    keyring_service: str | None = None
    secrets_dir: str | None = None
    quotes: str | None = None


class AccountSection(Section):
    """``[account]``: which account may trade, and whether purchases need cash."""

    id: str = ""
    type: Literal["cash", "margin"] = "margin"


class Execution(Section):
    """``[execution]``: how orders are priced, paced and given up.

    ``limit`` crosses the spread by ``limit_offset_bps``; ``market`` has no price; ``peg`` rests at ``peg_to`` and
    follows it every ``peg_interval_ms``, never past the limit; ``twap`` sends ``twap_slices`` parts, one each
    ``twap_interval_secs``. Changes below ``no_trade_band``, a fraction of equity, are left. An order that is not done
    after ``order_timeout_secs`` is cancelled, and its end is waited for ``cancel_timeout_secs``. Further than
    ``drift_tolerance_bps`` of equity from its weight, a name has drifted.
    """

    order_type: OrderStyle = "limit"
    order_interval_ms: NotNegative = 100.0
    limit_offset_bps: Annotated[float, Field(ge=0, le=1000)] = 5.0
    order_timeout_secs: Positive = 300.0
    cancel_timeout_secs: Positive = 10.0
    max_orders_per_run: int = Field(default=50, ge=1, le=100_000)
    quote_staleness_threshold_sec: Positive = 30.0
    time_in_force: Literal["day", "gtc"] = "day"
    twap_slices: int = Field(default=5, ge=1, le=1_000)
    twap_interval_secs: NotNegative = 60.0
    peg_to: Literal["near", "mid", "far"] = "mid"
    peg_interval_ms: Positive = 1_000.0
    no_trade_band: Annotated[float, Field(ge=0, le=1)] = 0.0
    drift_tolerance_bps: Annotated[float, Field(ge=0, le=10_000)] = 25.0

    @property
    def limit_offset_e9(self) -> int:
        """How far a limit goes beyond the quote, as a fraction of the price in billionths."""
        return parse_e9(self.limit_offset_bps) // BPS


class RiskSection(RiskConfig):
    """``[risk]``: every limit of the risk engine, and the published names of six of them.

    ``max_position_pct`` and ``max_short_pct`` are fractions, not percent. Which account may trade, in which mode and
    how old a quote may be are said elsewhere in the file.
    """

    max_position_pct: Fraction | None = None
    max_short_pct: Annotated[float, Field(ge=0, le=100)] | None = None
    max_trade_usd: Positive | None = None
    min_trade_usd: NotNegative = 100.0

    @model_validator(mode="before")
    @classmethod
    def _one_name_each(cls, values: Any) -> Any:
        if isinstance(values, dict):
            for theirs, ours in _PUBLISHED.items():
                if theirs in values and any(name in values for name in ours):
                    raise ValueError(f"{theirs} says the same as {', '.join(ours)}; write one of them")
            for name, place in _SAID_ELSEWHERE.items():
                if name in values:
                    raise ValueError(f"{name} is said by {place}")
        return values

    def limits(self) -> dict[str, Any]:
        """Limits as `RiskConfig` names them, without the names of this section.

        Returns
        -------
        limits : dict of str to object
            Keyword arguments of `RiskConfig`.
        """
        values = self.model_dump(by_alias=True)
        for theirs, ours in _PUBLISHED.items():
            said = values.pop(theirs)
            if said is not None:
                values |= dict.fromkeys(ours, said)
        del values["min_trade_usd"]
        return {name: value for name, value in values.items() if name not in _SAID_ELSEWHERE}


_PUBLISHED: Final = {
    "max_position_pct": ("max_position_frac", "max_target_weight_frac"),
    "max_short_pct": ("max_short_frac",),
    "max_trade_usd": ("max_order_notional",),
}
_SAID_ELSEWHERE: Final = {
    "account_id": "account.id",
    "mode": "connection.mode",
    "max_quote_age_s": "execution.quote_staleness_threshold_sec",
    "sells_fund_buys": "account.type: purchases always wait for the sales that pay for them",
}


def key_of_limit(name: str) -> str:
    """Where a limit of the risk engine is said in the file.

    Parameters
    ----------
    name : str
        As `RiskConfig` writes it.

    Returns
    -------
    key : str
        Dotted.

    Examples
    --------
    >>> key_of_limit("max_leverage"), key_of_limit("max_quote_age_s")
    ('risk.max_leverage', 'execution.quote_staleness_threshold_sec')
    """
    return _SAID_ELSEWHERE.get(name, f"risk.{name}").partition(":")[0]


class Cost(Section):
    """``[cost]``: what trading is expected to cost; only estimates and the cash set aside depend on it."""

    commission_per_share: NotNegative = 0.0035
    commission_min: NotNegative = 0.35
    commission_bps: Annotated[float, Field(ge=0, le=1000)] = 0.0
    slippage_bps: Annotated[float, Field(ge=0, le=1000)] = 5.0

    def model(self, fee_bps_e9: int = 0, fee_per_order_e9: int = 0) -> TradingCost:
        """These costs, at least as high as given.

        Parameters
        ----------
        fee_bps_e9, fee_per_order_e9 : int, default 0
            Least commission, in basis points and in currency, both in billionths.

        Returns
        -------
        cost : TradingCost
            In exact amounts.
        """
        return TradingCost(
            per_unit_e9=parse_e9(self.commission_per_share),
            commission_e9_frac=max(parse_e9(self.commission_bps), fee_bps_e9) // BPS,
            minimum_e9=max(parse_e9(self.commission_min), fee_per_order_e9),
            slippage_e9_frac=parse_e9(self.slippage_bps) // BPS,
        )


class Logging(Section):
    """``[logging]``: where the journal and its export stand, and how far the clock may jump.

    A run is stopped when the wall clock moves against the monotonic one by more than ``clock_skew_threshold_sec``
    backward, or forward at more than ``max_jump_rate_sec_per_sec``.
    """

    dir: str = "./logs"
    journal_file: FileName = "orders.db"
    audit_file: FileName = "audit.jsonl"
    min_free_bytes: int = Field(default=10**9, ge=0)
    clock_skew_threshold_sec: Positive = 30.0
    max_jump_rate_sec_per_sec: Positive = 2.0

    @field_validator("dir")
    @classmethod
    def _not_blank(cls, value: str) -> str:
        if not value.strip() or "\0" in value:
            raise ValueError("must name a folder")
        return value


class Kill(Section):
    """``[kill]``: how long a kill may take, and the file that latches it, in ``logging.dir``."""

    timeout_secs: Positive = 30.0
    switch_file: FileName = "kill-switch.json"


class TradingConfig(Section):
    """Everything that live orders are configured with.

    Made by `parse_config`, which gives errors with file and line.
    """

    schema_version: Literal[1] = Field(default=1, alias="schema")
    connection: Connection = Connection()
    account: AccountSection = AccountSection()
    execution: Execution = Execution()
    risk: RiskSection = Field(default_factory=RiskSection)
    cost: Cost = Cost()
    logging: Logging = Logging()
    kill: Kill = Kill()

    @model_validator(mode="after")
    def _account_is_named(self) -> Self:
        if self.connection.broker == "ibkr" and not self.account.id.strip():
            raise ValueError("account.id is required with broker ibkr, for example DU1234567")
        return self

    def with_connection(self, account: str | None = None, **changes: Any) -> TradingConfig:
        """The same configuration of another broker, address or account.

        Parameters
        ----------
        account : str, optional
            ``account.id``.
        **changes : object
            Keys of ``[connection]``; those that are ``None`` are left.

        Returns
        -------
        config : TradingConfig
            Checked.

        Raises
        ------
        ConfigError
            If a value is not allowed.
        """
        given = {name: value for name, value in changes.items() if value is not None}
        if not given and account is None:
            return self
        connection = self.connection.model_dump() | given
        values = self.model_dump(by_alias=True, exclude_unset=True) | {"connection": connection}
        if account is not None:
            values["account"] = self.account.model_dump() | {"id": account}
        try:
            return TradingConfig.model_validate(values)
        except ValidationError as error:
            problems = [_placed(problem, values) for problem in problems_of(error, TradingConfig, values)]
            lines = [f"command line: {dotted(problem.path)}: {problem.message}" for problem in problems]
            raise ConfigError("\n".join(lines), problems=lines) from error

    def limits(self, target: Target | None = None, *, account_id: str = "PAPER") -> RiskConfig:
        """Limits that orders are checked with; a target can only tighten them.

        Parameters
        ----------
        target : Target, optional
            ``max_position_pct`` and ``max_leverage`` of its constraints bound its weights and their sum.
        account_id : str, default "PAPER"
            The broker's name of the account, where the file names none.

        Returns
        -------
        limits : RiskConfig
            For the risk engine. Sales of a batch count as cash for its purchases, as execution waits for them.
        """
        said = self.risk.limits() | {
            "account_id": self.account.id or account_id,
            "mode": self.connection.mode,
            "max_quote_age_s": self.execution.quote_staleness_threshold_sec,
            "sells_fund_buys": True,
        }
        limits = RiskConfig(**said)
        constraints = target.constraints if target is not None else {}
        tighter = {
            name: min(getattr(limits, name), parse_e9(constraints[theirs]))
            for name, theirs in _TIGHTENED.items()
            if theirs in constraints
        }
        return limits.model_copy(update=tighter)

    def plan_settings(self, target: Target | None = None) -> PlanSettings:
        """How plans are made.

        Parameters
        ----------
        target : Target, optional
            Its ``min_trade_usd`` raises the smallest trade.

        Returns
        -------
        settings : PlanSettings
            The cash set aside for commissions is at least what the risk engine will ask for.
        """
        smallest = max(self.risk.min_trade_usd, target.constraints.get("min_trade_usd", 0.0) if target else 0.0)
        return PlanSettings(
            limit_offset_e9=self.execution.limit_offset_e9,
            min_trade_e9=parse_e9(smallest),
            cost=self.cost.model(),
            reserve=self.cost.model(self.risk.fee_bps_e9, self.risk.fee_per_order_e9),
            is_cash_account=self.account.type == "cash",
            no_trade_band_e9=parse_e9(self.execution.no_trade_band),
        )


_TIGHTENED: Final = {"max_target_weight_frac_e9": "max_position_pct", "max_target_gross_frac_e9": "max_leverage"}


_MAY_HOLD_A_SECRET: Final = ("api_key_env", "api_secret_env", "base_url", "stream_url", "ws_api_url", "data_url")


def parse_config(text: str, file: str = "config.toml") -> TradingConfig:
    """Read a configuration file.

    Parameters
    ----------
    text : str
        TOML.
    file : str, default "config.toml"
        Name for messages.

    Returns
    -------
    config : TradingConfig
        Frozen, defaults filled.

    Raises
    ------
    ConfigError
        With every problem at once, each as ``file:line: dotted.key: message (got value)``; an unknown key names the
        nearest known one.

    Examples
    --------
    >>> parse_config('[connection]\\nbroker = "paper"').execution.limit_offset_bps
    5.0
    """
    values, source = parse_toml(text, file)
    try:
        return TradingConfig.model_validate(values)
    except ValidationError as error:
        problems = problems_of(error, TradingConfig, values)
        raise source.error([_placed(problem, values) for problem in problems]) from error


def _placed(problem: Problem, values: dict[str, Any]) -> Problem:
    """A fault of a whole table is told at the key that its message begins with; what may hold a secret is not shown."""
    if problem.path[-1:] and problem.path[-1] in _MAY_HOLD_A_SECRET:
        return Problem(problem.path, problem.message, shows_value=False)
    first = problem.message.split(" ")[0]
    node: Any = values
    for part in problem.path:
        node = node[part] if isinstance(node, dict) and part in node else None
    if "." not in first and not (isinstance(node, dict) and first in node):
        return problem
    return Problem((*problem.path, *first.split(".")), problem.message.removeprefix(f"{first} "), shows_value=False)
