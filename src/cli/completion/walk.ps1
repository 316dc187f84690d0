# PowerShell completion for ctq, printed by "ctq completion powershell"

Register-ArgumentCompleter -Native -CommandName ctq -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    # scope|word|offer|summary
    $table = @(
@TABLE@
    ) | ForEach-Object {
        $parts = $_.Split([char[]]'|', 4)
        [pscustomobject]@{ Scope = $parts[0]; Word = $parts[1]; Offer = $parts[2]; Summary = $parts[3] }
    }

    function Find-Word($scope, $word) {
        $table | Where-Object { $_.Scope -ceq $scope -and $_.Word -ceq $word } | Select-Object -First 1
    }
    function Find-Option($command, $word) {
        $found = if ($command) { Find-Word $command $word }
        if ($found) { $found } else { Find-Word '*' $word }
    }
    # The argument with this number, or one that takes all the rest.
    function Find-Argument($scope, $number) {
        $found = Find-Word $scope "$number"
        for ($least = $number; -not $found -and $least -gt 0; $least--) { $found = Find-Word $scope "$least+" }
        $found
    }
    function Get-Result($text, $summary) {
        if ($text.Contains(' ')) { $text = "'$text'" }
        [System.Management.Automation.CompletionResult]::new($text, $text, 'ParameterValue', $(if ($summary) { $summary } else { $text }))
    }
    # Commands and verbs, or options.
    function Get-Words($scope, $sort, $value) {
        $table | Where-Object {
            $_.Scope -ceq $scope -and $_.Word -notmatch '^[0-9]' -and
            ($_.Word.StartsWith('-') -eq ($sort -eq 'options')) -and $_.Word.StartsWith($value)
        } | ForEach-Object { Get-Result $_.Word $_.Summary }
    }
    # For files nothing is returned: PowerShell then offers its own.
    function Get-Values($entry, $kept, $value, $line) {
        if (-not $entry) { return }
        $offer = $entry.Offer
        if ($offer.EndsWith(',')) {
            $offer = $offer.TrimEnd(',')
            $comma = $value.LastIndexOf(',') + 1
            $kept += $value.Substring(0, $comma)
            $value = $value.Substring($comma)
        }
        $words = @()
        if ($offer.StartsWith('=')) { $words = $offer.Substring(1).Split(',') }
        elseif ($offer -in 'queue', 'task', 'node', 'held', 'failed') {
            $rest = @($line | Select-Object -Skip 1)
            # PowerShell 5 drops an empty argument; a comma ends a name, too.
            $typed = if ($value) { $value } else { ',' }
            $words = @(& $line[0] __complete $offer @rest $typed 2>$null)
        }
        $words | Where-Object { $_ -and $_.StartsWith($value) } | ForEach-Object { Get-Result "$kept$_" $entry.Summary }
    }

    # The words before the one that is typed.
    $line = @($commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object {
        if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $_.Value } else { $_.Extent.Text }
    })
    $value = "$wordToComplete"
    $command = ''; $verb = ''; $count = 0; $awaits = $null; $options = $true
    foreach ($word in @($line | Select-Object -Skip 1)) {
        if ($awaits -and $word -notmatch '^-.') { $awaits = $null; continue }
        $awaits = $null
        if ($options -and $word -ceq '--') { $options = $false }
        elseif ($options -and $word -match '^-.') {
            if (-not $word.Contains('=')) {
                $found = Find-Option $command $word
                if ($found -and $found.Offer) { $awaits = $found }
            }
        }
        elseif (-not $command) { $command = $word }
        else {
            if ($count -eq 0) { $verb = $word }
            $count++
        }
    }

    if ($options -and $value -match '^(--[^=]*)=(.*)$') {
        Get-Values (Find-Option $command $Matches[1]) "$($Matches[1])=" $Matches[2] $line
    }
    elseif ($awaits -and $value -notmatch '^-.') { Get-Values $awaits '' $value $line }
    elseif ($options -and $value.StartsWith('-')) {
        if ($command) { Get-Words $command 'options' $value }
        Get-Words '*' 'options' $value
    }
    elseif (-not $command) { Get-Words '.' 'words' $value }
    elseif ($count -eq 0) {
        Get-Words $command 'words' $value
        Get-Values (Find-Argument $command 1) '' $value $line
    }
    elseif (Find-Word $command $verb) { Get-Values (Find-Argument "$command $verb" $count) '' $value $line }
    else { Get-Values (Find-Argument $command ($count + 1)) '' $value $line }
}
