-- Tests say what time it is, in the last argument.
local function now()
  return tonumber(ARGV[#ARGV])
end
