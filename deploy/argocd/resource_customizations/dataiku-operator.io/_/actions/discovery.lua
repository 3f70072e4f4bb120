local actions = {}
local annotations = obj.metadata.annotations or {}
local paused = annotations["dataiku-operator.io/paused"]
local idle = paused ~= nil and paused ~= "" and paused ~= "false"
actions["reconcile"] = {
  ["disabled"] = idle or obj.metadata.deletionTimestamp ~= nil,
  ["iconClass"] = "fa fa-fw fa-redo",
  ["displayName"] = "Reconcile now"
}
return actions
