-- Health of every kind of dataiku-operator.io: all have the same conditions (docs/reasons.md).
local hs = {}

local conditions = {}
if obj.status ~= nil and obj.status.conditions ~= nil then
  for _, condition in ipairs(obj.status.conditions) do
    conditions[condition.type] = condition
  end
end
local ready = conditions["Ready"]

local function says(condition)
  if condition.message ~= nil and condition.message ~= "" then
    return condition.reason .. ": " .. condition.message
  end
  return condition.reason
end

if obj.metadata.deletionTimestamp ~= nil then
  hs.status = "Progressing"
  hs.message = "Waiting for the operator to remove its finalizer dataiku-operator.io/finalizer"
  if ready ~= nil and ready.reason == "Deleting" then
    hs.message = says(ready)
  end
  -- From Argo CD 3.6 on, a health of an object that is being deleted counts only with this field.
  hs.deletionMessage = hs.message
  return hs
end

-- These hold whether or not the operator has observed the newest spec: it does not act on it.
if ready ~= nil and ready.reason == "Paused" then
  hs.status = "Suspended"
  hs.message = says(ready)
  return hs
end
if obj.spec ~= nil and obj.spec.suspend == true then
  hs.status = "Suspended"
  hs.message = "spec.suspend is true: no new run starts"
  return hs
end

if ready == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  hs.status = "Progressing"
  hs.message = "Waiting for the operator to observe this generation"
  return hs
end

if ready.reason == "Frozen" then
  hs.status = "Suspended"
  hs.message = says(ready)
  return hs
end

-- Only what needs a person is Degraded: Argo CD fails a sync for it. Everything else recovers by itself.
local stalled = conditions["Stalled"]
if stalled ~= nil and stalled.status == "True" then
  hs.status = "Degraded"
  hs.message = says(ready)
  return hs
end

if ready.status ~= "True" then
  hs.status = "Progressing"
  hs.message = says(ready)
  return hs
end

local propagated = conditions["Propagated"]
if propagated ~= nil and propagated.status == "False" then
  hs.status = "Progressing"
  if propagated.reason == "PropagationFailed" then
    hs.status = "Degraded"
  end
  hs.message = says(propagated)
  return hs
end

hs.status = "Healthy"
hs.message = says(ready)
return hs
