/** What makes a shell ask `lockstep complete` at each tab: completion.ts answers. */

const bash = `_lockstep() {
  local IFS=$'\\n' found
  found=$(lockstep complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) || return
  case $found in
    :file) compopt -o default; COMPREPLY=() ;;
    :directory) compopt -o dirnames; COMPREPLY=() ;;
    *) COMPREPLY=($found) ;;
  esac
}
complete -F _lockstep lockstep`;

const zsh = `#compdef lockstep
_lockstep() {
  local -a found
  found=("\${(@f)$(lockstep complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  case $found[1] in
    :file) _files ;;
    :directory) _files -/ ;;
    *) compadd -a found ;;
  esac
}
compdef _lockstep lockstep`;

const fish = `function __lockstep_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l found (lockstep complete -- $words[2..-1] 2>/dev/null)
  switch "$found[1]"
    case ':file'
      __fish_complete_path (commandline -ct)
    case ':directory'
      __fish_complete_directories (commandline -ct)
    case '*'
      string join \\n -- $found
  end
end
complete -c lockstep -f -a '(__lockstep_complete)'`;

export const completionScripts: Readonly<Record<'bash' | 'zsh' | 'fish', string>> = { bash, zsh, fish };
