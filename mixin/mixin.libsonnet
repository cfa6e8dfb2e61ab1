// Made by `make dashboards`. Do not edit.
//
// A mixin as jsonnet tooling expects it: boards, recording rules and alerts of this repository.
// Limits: dashboards/rules/limits.yml. Another selector than all series: docs/bundle.md.
{
  _config+:: {
    // Address of docs/runbooks.md as your readers reach it.
    runbooks: 'docs/runbooks.md',
    // Uid of the data source that the boards choose first; '' leaves it to Grafana.
    datasourceUid: '',
  },

  local config = self._config,
  local told(group) = group {
    rules: [
      if std.objectHas(rule, 'annotations') then rule {
        annotations+: {
          runbook_url: std.strReplace(super.runbook_url, 'docs/runbooks.md', config.runbooks),
        },
      } else rule
      for rule in super.rules
    ],
  },
  local groups(text) = std.map(told, std.parseYaml(text).groups),
  local chosen(board) = if config.datasourceUid == '' then board else board {
    templating+: {
      list: [
        if variable.type == 'datasource' then variable {
          current: { selected: true, text: config.datasourceUid, value: config.datasourceUid },
        } else variable
        for variable in super.list
      ],
    },
  },

  grafanaDashboards+:: {
    'carbon-grid.json': chosen(import '../dashboards/grid.json'),
    'carbon-health.json': chosen(import '../dashboards/health.json'),
    'carbon-kiosk.json': chosen(import '../dashboards/kiosk.json'),
    'carbon-machines.json': chosen(import '../dashboards/machines.json'),
    'carbon-overview.json': chosen(import '../dashboards/overview.json'),
    'carbon-teams.json': chosen(import '../dashboards/teams.json'),
  },

  prometheusRules+:: {
    groups+: groups(importstr '../dashboards/rules/recording.yml') + groups(importstr '../dashboards/rules/limits.yml'),
  },

  prometheusAlerts+:: {
    groups+: groups(importstr '../dashboards/rules/alerts.yml'),
  },
}
